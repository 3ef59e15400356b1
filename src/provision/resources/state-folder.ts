import { accountOf, stateFolderOf } from '../../core/relay-layout.ts';
import type { Observed, Resource, World } from '../contract.ts';
import { readSections, runStep } from '../remote/parse.ts';
import { MAKE_STATE_FOLDER, READ_STATE_FOLDER, REMOVE_STATE_FOLDER } from '../remote/scripts/account.ts';

/** The folder of the link's sockets: nginx's group may pass through, not list, not write; sockets get that group. */
export function stateFolderResource(home: string, nginxGroup: string): Resource {
  const [folder, account] = [stateFolderOf(home), accountOf(home)];
  const desired = { mode: '2710', owner: account, group: nginxGroup };
  return {
    id: 'state-folder',
    place: 'relay',
    what: `the folder ${folder}`,
    why: "the link's sockets lie there; nginx may connect to them, other accounts may not",
    dependsOn: ['packages', 'account'],
    desired,
    absent: null,
    observe: (world) => observe(world, folder, account, nginxGroup),
    put: async (world, { state }) => {
      const shell = await world.relay.shell();
      if (state === null) await runStep(shell, REMOVE_STATE_FOLDER, [folder, account]);
      else await runStep(shell, MAKE_STATE_FOLDER, [folder, account, nginxGroup]);
    },
    describe: (from, to) =>
      to === null
        ? [`- ${folder}`]
        : [`${from === null ? '+' : '~'} ${folder} ${account}:${nginxGroup} 2710`],
  };
}

async function observe(world: World, folder: string, account: string, group: string): Promise<Observed> {
  const text = await runStep(await world.relay.shell(), READ_STATE_FOLDER, [folder, group]);
  const sections = readSections(text, ['folder', 'group', 'parent']);
  const [kind, mode = '', owner = '', group_ = ''] = sections.folder.trim().split(' ');
  if (kind === 'absent') return { state: null, ownership: 'absent' };
  if (kind !== 'folder' || owner !== account) {
    // An account that is gone leaves a number: what it owned was ours.
    const isLeftOver = kind === 'folder' && /^(UNKNOWN|[0-9]+)$/.test(owner);
    return {
      state: { mode, owner, group: group_ },
      ownership: isLeftOver ? 'ours' : 'foreign',
      obstacles: isLeftOver
        ? []
        : [
            {
              sentence: `${folder} is there and does not belong to ${account}`,
              lines: [`Look at it and move it away: ls -la ${folder}`],
              canAdopt: false,
            },
          ],
    };
  }
  return { state: { mode, owner, group: group_ }, ownership: 'ours' };
}
