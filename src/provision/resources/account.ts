import { SESSION_SCRIPT, accountOf, stateFolderOf } from '../../core/relay-layout.ts';
import type { Json, Observed, Resource, World } from '../contract.ts';
import { readSections, runStep } from '../remote/parse.ts';
import { MAKE_ACCOUNT, READ_ACCOUNT, REMOVE_ACCOUNT } from '../remote/scripts/account.ts';

/** What useradd writes over is kept here, root's alone, until the account goes. */
const keptFolderOf = (home: string): string => `/var/lib/postern-kept/${home}`;

/** The link's account: no password that fits, no shell but the session script, no group but its own. */
export function accountResource(home: string): Resource {
  const account = accountOf(home);
  const desired = {
    folder: stateFolderOf(home),
    shell: SESSION_SCRIPT,
    groups: account,
    password: '*',
  };
  const words = [account, desired.folder, desired.shell, keptFolderOf(home)];
  return {
    id: 'account',
    place: 'relay',
    what: `the account ${account}`,
    why: 'the link signs in as it; it can start nothing but the session script',
    dependsOn: ['session-script'],
    desired,
    absent: null,
    observe: (world) => observe(account, desired.shell, world),
    put: async (world, { state }) => {
      const shell = await world.relay.shell();
      await runStep(shell, state === null ? REMOVE_ACCOUNT : MAKE_ACCOUNT, words);
    },
    describe: (from, to) =>
      to === null
        ? [`- ${account}, its group, and its live sessions`]
        : [`${from === null ? '+' : '~'} ${account}: password *, shell ${desired.shell}, no other group`],
  };
}

async function observe(account: string, ourShell: string, world: World): Promise<Observed> {
  const text = await runStep(await world.relay.shell(), READ_ACCOUNT, [account]);
  const sections = readSections(text, ['passwd', 'groups', 'password', 'group']);
  const fields = sections.passwd.trim().split(':');
  if (fields.length < 7) {
    if (sections.group.trim() === '') return { state: null, ownership: 'absent' };
    return {
      state: { group: account },
      ownership: 'foreign',
      obstacles: [
        {
          sentence: `The relay has a group ${account} and no account of that name, so it is not Postern's`,
          lines: [`If nobody needs it: groupdel ${account}`],
          canAdopt: false,
        },
      ],
    };
  }
  const [folder = '', shell = ''] = fields.slice(5);
  const groups = [...new Set(sections.groups.trim().split(/\s+/))].toSorted().join(' ');
  const state: Json = { folder, shell, groups, password: sections.password.trim() };
  if (shell === ourShell) return { state, ownership: 'ours' };
  return {
    state,
    ownership: 'foreign',
    obstacles: [
      {
        sentence: `The relay has an account ${account} that is not Postern's (shell ${shell})`,
        lines: ['Choose another ID in postern.yaml (home: …), or remove that account on the relay.'],
        canAdopt: false,
      },
    ],
  };
}
