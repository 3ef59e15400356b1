import type { Observed, Resource, Target } from '../contract.ts';
import type { HomeService } from './home-service.ts';

/** What the journal remembers of the service. */
type ServiceJson = {
  /** The file's text; `null`: there is none. */
  readonly text: string | null;
  readonly isRunning: boolean;
  readonly startsByItself: boolean;
};

const ABSENT: ServiceJson = { text: null, isRunning: false, startsByItself: false };

/** The login service at home as a resource of the plan. */
export function homeServiceResource(service: HomeService): Resource {
  const { manager, name, file } = service.plan;
  return {
    id: 'home-service',
    place: 'home',
    what: `the service ${name} of ${manager}`,
    why: 'Postern starts with this account and again whenever it ends',
    dependsOn: [],
    desired: { text: service.text, isRunning: true, startsByItself: true } satisfies ServiceJson,
    absent: ABSENT,
    observe: () => observe(service),
    put: (_world, { state, from }) => put(service, { state, from }),
    describe: (from, to) => describe(file, from as ServiceJson, to as ServiceJson),
  };
}

async function observe(service: HomeService): Promise<Observed> {
  const { text, manager, foreignFile } = await service.find();
  const state: ServiceJson = {
    text,
    isRunning: manager.isRunning,
    startsByItself: manager.startsByItself,
  };
  if (foreignFile === undefined) return { state, ownership: text === null ? 'absent' : 'ours' };
  const sentence = `${foreignFile} is there already and was not made by Postern`;
  return {
    state,
    ownership: 'foreign',
    obstacles: [{ sentence, lines: ['move it away, then plan again'], canAdopt: false }],
  };
}

async function put(service: HomeService, target: Target): Promise<void> {
  const wanted = target.state as ServiceJson;
  if (wanted.text === null) return void (await service.uninstall());
  const { text } = await service.look();
  await service.write(wanted.text, text);
  if (!wanted.isRunning) await service.stop();
}

function describe(file: string, from: ServiceJson, to: ServiceJson): string[] {
  if (to.text === null) return [`end it and remove ${file}`];
  const lines = from.text === null ? [`write ${file}`] : [];
  if (from.text !== null && from.text !== to.text)
    lines.push(`rewrite ${file}`, ...changedLines(from.text, to.text));
  if (!from.startsByItself && to.startsByItself) lines.push('start it with every login');
  if (!from.isRunning && to.isRunning) lines.push('start it now');
  if (from.isRunning && !to.isRunning) lines.push('end it');
  return lines;
}

function changedLines(from: string, to: string): string[] {
  const [before, after] = [from.split(/\r?\n/), to.split(/\r?\n/)];
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line.trim()}`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${line.trim()}`);
  return [...gone.slice(0, 4), ...come.slice(0, 4)];
}
