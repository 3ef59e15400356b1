import { printable } from '../../core/printable.ts';
import type { Observed, Resource, World } from '../contract.ts';
import { readSections, runStep } from '../remote/parse.ts';
import { INSTALL_PACKAGES, READ_PACKAGES, REMOVE_PACKAGES } from '../remote/scripts/packages.ts';

/** Systems whose files and programs are known; anything else is refused before the first change. */
const SYSTEMS: ReadonlySet<string> = new Set([
  'debian 11',
  'debian 12',
  'debian 13',
  'ubuntu 22.04',
  'ubuntu 24.04',
  'ubuntu 24.10',
  'ubuntu 25.04',
  'ubuntu 25.10',
  'ubuntu 26.04',
]);

const INSTALL_TIMEOUT_MS = 600_000;

const PACKAGE_OF = { nginx: 'nginx', stream: 'libnginx-mod-stream' } as const;
type Part = keyof typeof PACKAGE_OF;
type State = Readonly<Record<Part, boolean>> & { readonly system: string };

/** nginx and its stream module, from the relay's own package manager. They stay when Postern goes. */
export function packagesResource(): Resource {
  return {
    id: 'packages',
    place: 'relay',
    what: 'packages: nginx, libnginx-mod-stream',
    why: 'nginx takes the visitors; the module lets it pass TLS on unread',
    dependsOn: [],
    desired: { nginx: true, stream: true, system: 'known' },
    absent: { nginx: false, stream: false, system: 'known' },
    staysBehind: true,
    observe,
    put: async (world, { state, from }) => {
      const shell = await world.relay.shell();
      const [wanted, there] = [state as State, from as State];
      const missing = partsOf((part) => wanted[part] && !there[part]);
      const needless = partsOf((part) => !wanted[part] && there[part]);
      const options = { timeoutMs: INSTALL_TIMEOUT_MS };
      if (missing.length > 0) await runStep(shell, INSTALL_PACKAGES, missing, options);
      if (needless.length > 0) await runStep(shell, REMOVE_PACKAGES, needless, options);
    },
    original: ({ state }) => ({ ...(state as State), system: 'known' }),
    describe: (from, to) => {
      const [there, wanted] = [from as State, to as State];
      const missing = partsOf((part) => wanted[part] && !there[part]);
      return missing.length > 0
        ? [`apt-get install ${missing.join(' ')}`]
        : [`apt-get purge ${partsOf((part) => !wanted[part] && there[part]).join(' ')}`];
    },
  };
}

function partsOf(isChosen: (part: Part) => boolean): string[] {
  return (Object.keys(PACKAGE_OF) as Part[]).filter(isChosen).map((part) => PACKAGE_OF[part]);
}

async function observe(world: World): Promise<Observed> {
  const text = await runStep(await world.relay.shell(), READ_PACKAGES);
  const answer = readSections(text, ['system', 'nginx', 'stream', 'end']);
  const system = printable(answer.system.trim().split('\n').join(' '), 60);
  const isKnown = SYSTEMS.has(system) || SYSTEMS.has(system.split(' ').toReversed().join(' '));
  const [nginx, stream] = [answer.nginx.trim() === 'yes', answer.stream.trim() === 'yes'];
  return {
    state: { nginx, stream, system: isKnown ? 'known' : system },
    ownership: nginx && stream ? 'foreign' : 'absent',
    obstacles: isKnown
      ? []
      : [
          {
            sentence: `Postern does not know this system: ${system || 'no /etc/os-release'}`,
            lines: ['It knows Debian 11 to 13 and Ubuntu 22.04 to 26.04. By hand: postern relay-files'],
            canAdopt: false,
          },
        ],
  };
}
