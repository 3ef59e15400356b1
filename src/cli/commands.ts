import type { CommandTable } from './command-table.ts';

/** All commands, in the order in which the help shows them. */
export const COMMANDS: CommandTable = {
  up: {
    summary: 'Publish what postern.yaml says; in the foreground, Ctrl-C ends it',
    load: () => import('./commands/up.ts'),
  },
  status: {
    summary: 'Show connections, services and what is broken',
    load: () => import('./commands/status.ts'),
  },
  verify: {
    summary: 'Try every wrong door, from outside and here; each has to be shut',
    load: () => import('./commands/verify.ts'),
  },
  logs: {
    summary: 'Show what the daemon wrote down',
    load: () => import('./commands/logs.ts'),
  },
  stop: {
    summary: 'End the daemon',
    load: () => import('./commands/stop.ts'),
  },
  service: {
    summary: 'Run Postern as a service of this account: install, status, uninstall and more',
    load: () => import('./commands/service.ts'),
  },
  demo: {
    summary: 'Show everything on this machine: a sample assistant behind an embedded relay',
    load: () => import('./commands/demo.ts'),
  },
  users: {
    summary: 'Add, change, remove and list who may sign in',
    load: () => import('./commands/users.ts'),
  },
  devices: {
    summary: 'Approve new browsers; list, rename and revoke devices; make tokens',
    load: () => import('./commands/devices.ts'),
  },
  sessions: {
    summary: 'List and end sessions',
    load: () => import('./commands/sessions.ts'),
  },
  cert: {
    summary: 'Show and renew the certificates of names that end TLS at home',
    load: () => import('./commands/cert.ts'),
  },
  plan: {
    summary: 'Show what apply would change on the relay; changes nothing',
    load: () => import('./commands/plan.ts'),
  },
  apply: {
    summary: 'Set the relay up as postern.yaml says',
    load: () => import('./commands/apply.ts'),
  },
  undo: {
    summary: 'Take the last apply back',
    load: () => import('./commands/undo.ts'),
  },
  destroy: {
    summary: 'Take everything of this home off the relay',
    load: () => import('./commands/destroy.ts'),
  },
  'relay-files': {
    summary: 'Show the files and commands that the relay needs, to set it up by hand',
    load: () => import('./commands/relay-files.ts'),
  },
  completion: {
    summary: 'Print the completion script of a shell',
    load: () => import('./commands/completion.ts'),
  },
};
