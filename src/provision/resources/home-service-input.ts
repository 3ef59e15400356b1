import { dirname, join } from 'node:path';
import { type ServiceInput, serviceName } from '../render/service-input.ts';

export interface ServiceFacts {
  readonly platform: NodeJS.Platform;
  /** `process.execPath`. */
  readonly node: string;
  /** Absolute path of `bin/postern.js`. */
  readonly program: string;
  /** Postern's folder, and where it is when nobody says otherwise. */
  readonly root: string;
  readonly usualRoot: string;
  /** An absolute path, when the configuration is not in that folder. */
  readonly configFile?: string;
  readonly account: string;
}

/** What the service file is made from. Pure. */
export function serviceInputOf(facts: ServiceFacts): ServiceInput {
  const { platform, node, root, usualRoot, configFile } = facts;
  return {
    name: serviceName(root, usualRoot),
    node,
    program: facts.program,
    arguments: configFile === undefined ? ['up'] : ['up', '--config', configFile],
    root,
    logFile: join(root, 'log', 'service.log'),
    environment: {
      ...(platform === 'win32' ? {} : { PATH: searchPath(platform, node) }),
      ...(root === usualRoot ? {} : { POSTERN_HOME: root }),
    },
    account: facts.account,
  };
}

/** Where the service finds ssh and what secrets and alerts run; a manager's own PATH is shorter than a shell's. */
function searchPath(platform: NodeJS.Platform, node: string): string {
  const usual = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const more = platform === 'darwin' ? ['/opt/homebrew/bin'] : [];
  // A colon in a folder's name would make two of it.
  const own = dirname(node).includes(':') ? [] : [dirname(node)];
  return [...new Set([...own, ...more, ...usual])].join(':');
}

/**
 * Says when Node or Postern lies where the next update removes it: the service would not start again.
 * @returns sentences for people
 */
export function fragilePaths(node: string, program: string): readonly string[] {
  const sentences: string[] = [];
  const manager = /[\\/](?:\.?(nvm|fnm|nodenv|asdf|volta|mise|n))[\\/].*(?:node|v?\d+\.\d+)/i.exec(node)?.[1];
  const cellar = /^(.*)\/Cellar\/([^/]+)\/[^/]+\/bin\/node$/.exec(node);
  if (cellar) {
    sentences.push(
      `Node is ${node}, which the next brew upgrade removes; run Postern with ${cellar[1]}/opt/${cellar[2]}/bin/node, or install the service again after an upgrade.`,
    );
  } else if (manager !== undefined) {
    sentences.push(
      `Node is ${node}, one version kept by ${manager}; once that version is removed the service does not start: install it again after a change of Node (postern service install).`,
    );
  }
  if (/[\\/]_npx[\\/]/.test(program)) {
    sentences.push(
      `Postern is ${program}, in the cache of npx, which npm may empty: install it first (npm install -g postern).`,
    );
  }
  return sentences;
}

/** Names of variables from which a configuration takes secrets: a service does not see those of a shell. */
export function secretVariables(configText: string): readonly string[] {
  return [...new Set([...configText.matchAll(/\benv:([A-Za-z_]\w*)/g)].map(([, name = '']) => name))];
}
