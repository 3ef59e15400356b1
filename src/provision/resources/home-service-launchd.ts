import { join } from 'node:path';
import type { RunResult } from '../../platform/processes.ts';
import { launchdPlist } from '../render/service-launchd.ts';
import type { ManagerPlace, ManagerPlan, ManagerState, Step } from './home-service-manager.ts';

/** `launchctl print` of a service that is not loaded (launchctl error 113: "Could not find service"). */
const NOT_FOUND = 113;
/** It runs, or launchd is about to start it. */
const RUNNING = ['running', 'spawn scheduled', 'xpcproxy'];

/** A LaunchAgent of the user's session (launchctl(1)). */
export function launchdPlan({ input, userHome, uid }: ManagerPlace): ManagerPlan {
  const file = join(agentsFolder(userHome), `${input.name}.plist`);
  const target = serviceTarget(uid, input.name);
  const launchctl = (...args: string[]): Step => ({ program: 'launchctl', args });
  const load = launchctl('bootstrap', `gui/${uid}`, file);
  const unload = { ...launchctl('bootout', target), mayFail: true };
  return {
    manager: 'launchd',
    name: input.name,
    file,
    bytes: Buffer.from(launchdPlist(input)),
    decode: (bytes) => bytes.toString('utf8'),
    encode: (text) => Buffer.from(text),
    // `enable` takes back an earlier `launchctl disable`, with which bootstrap would fail.
    enable: [unload, launchctl('enable', target), load],
    disable: [unload],
    forget: [],
    load: [load],
    start: [launchctl('kickstart', target)],
    // KeepAlive starts again what was only killed.
    stop: [unload],
    restart: [launchctl('kickstart', '-k', target)],
    look: launchctl('print', target),
    read: (result) => readPrint(result, file),
  };
}

export const agentsFolder = (userHome: string): string => join(userHome, 'Library/LaunchAgents');

export const serviceTarget = (uid: number, label: string): string => `gui/${uid}/${label}`;

/** Only the service's own lines: what stands deeper is indented by two tabs or more. */
function readPrint({ status, stdout }: RunResult, file: string): ManagerState | undefined {
  if (status === NOT_FOUND) return { isLoaded: false, isRunning: false, startsByItself: false };
  if (status !== 0) return undefined;
  const value = (key: string): string | undefined =>
    new RegExp(String.raw`^\t${key} = (.*)$`, 'm').exec(stdout)?.[1];
  const pid = Number(value('pid'));
  const lastExit = /^-?\d+/.exec(value('last exit code') ?? '')?.[0];
  const path = value('path');
  return {
    isLoaded: true,
    isRunning: RUNNING.includes(value('state') ?? ''),
    startsByItself: true,
    ...(path === undefined || path === file ? {} : { foreignFile: path }),
    ...(pid > 0 ? { pid } : {}),
    ...(lastExit === undefined ? {} : { lastExit: Number(lastExit) }),
  };
}
