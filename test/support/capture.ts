import { open, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildHandle } from '../../src/platform/processes.ts';
import type { Lab } from './relay.ts';
import { spawnTied } from './tied-process.ts';
import { waitFor } from './wait-for.ts';

/**
 * Everything a relay sees, kept for a search: packets on all its interfaces and on loopback (tcpdump), what its
 * nginx and sshd read and write (strace), their memory, and every file that its programs may write.
 */
export interface Capture {
  /**
   * Ends the recording and looks for each canary. Call it while connections are still open: memory is read then.
   * @returns what was found, in the order of `canaries`
   */
  searchAll(canaries: readonly string[]): Promise<Findings[]>;
  stop(): Promise<void>;
}

/** How many bytes each place held, and how often the canary was found there, in any of its forms. */
export type Findings = Readonly<Record<Place, { readonly bytes: number; readonly hits: number }>>;
export type Place = 'wire' | 'calls' | 'memory' | 'files';

/** Where a relay's programs write; the rest of its file tree is the machine's, unchanged. */
const WRITTEN = ['/var/log', '/run', '/tmp', '/var/tmp', '/dev/shm', '/var/lib/nginx', '/var/lib/postern'];

/** The system calls through which bytes reach a process and leave it. */
const TRACED =
  'read,write,readv,writev,pread64,pwrite64,recvfrom,sendto,recvmsg,sendmsg,recvmmsg,sendmmsg,sendfile';

/** Starts to record. The relay's sshd and nginx are running already; what they start later is recorded too. */
export async function startCapture(lab: Lab): Promise<Capture> {
  const packets = join(lab.folder, 'relay.pcap');
  const calls = join(lab.folder, 'relay.strace');
  // Without its process namespace: so nsenter becomes tcpdump, and a signal to it reaches tcpdump.
  const tcpdump = spawnTied(
    'nsenter',
    ['-t', String(relayPid(lab)), '-n', '--'].concat(
      'tcpdump -i any -n -s 0 -B 65536 --immediate-mode -U -Z root -w'.split(' '),
      packets,
    ),
  );
  const traced = await listServers(lab);
  const strace = spawnTied(
    'strace',
    ['-f', '-q', '-xx', '-s', '16777216', '-e', 'signal=none', '-e', `trace=${TRACED}`, '-o', calls].concat(
      traced.flatMap((pid) => ['-p', String(pid)]),
    ),
  );
  await Promise.all([waitForText(tcpdump, 'listening on'), waitUntilTraced(traced)]);
  const stop = async (): Promise<void> => {
    for (const child of [strace, tcpdump]) child.kill('SIGINT');
    await Promise.all([strace.ended, tcpdump.ended]);
  };
  return {
    async searchAll(canaries) {
      const memory = await readServerMemory(lab);
      await stop();
      const places = {
        wire: [await readFile(packets)],
        calls: [decodeStrace(await readFile(calls, 'latin1'))],
        memory,
        files: await readWrittenFiles(lab),
      };
      return canaries.map((canary) => searchPlaces(places, needlesOf(canary)));
    },
    stop,
  };
}

/**
 * What to look for: pieces of 16 characters, so that a cut between two reads hides none, each as it is, reversed,
 * percent-encoded, in hex and in base64 at each of its three alignments.
 */
export function needlesOf(canary: string): Buffer[] {
  const pieces = [0, 24, 48].map((start) => canary.slice(start, start + 16));
  return pieces.flatMap((piece) => {
    const hex = Buffer.from(piece).toString('hex');
    return [
      piece,
      piece.split('').toReversed().join(''),
      hex,
      hex.toUpperCase(),
      hex.replace(/../g, '%$&'),
      hex.toUpperCase().replace(/../g, '%$&'),
      ...[0, 1, 2].map((shift) => base64Inside(piece, shift)),
    ].map((text) => Buffer.from(text));
  });
}

/** The part of `text`'s base64 that does not depend on what stands before and after it. */
function base64Inside(text: string, shift: number): string {
  const encoded = Buffer.from('\0'.repeat(shift) + text).toString('base64');
  return encoded.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + text.length) * 4) / 3));
}

function searchPlaces(places: Record<Place, readonly Buffer[]>, needles: readonly Buffer[]): Findings {
  const search = (parts: readonly Buffer[]): { bytes: number; hits: number } => ({
    bytes: sum(parts.map((part) => part.length)),
    hits: sum(parts.flatMap((part) => needles.map((needle) => count(part, needle)))),
  });
  const { wire, calls, memory, files } = places;
  return { wire: search(wire), calls: search(calls), memory: search(memory), files: search(files) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function count(bytes: Buffer, needle: Buffer): number {
  let hits = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) hits++;
  return hits;
}

/** strace -xx prints every byte of every string as `\xHH`; this gives the bytes back, strings parted by a line break. */
function decodeStrace(text: string): Buffer {
  const strings = text.match(/(?:\\x[0-9a-f]{2})+/g) ?? [];
  return Buffer.concat(
    strings.flatMap((string) => [Buffer.from(string.replaceAll('\\x', ''), 'hex'), Buffer.from('\n')]),
  );
}

/** The relay's first process; its file tree is where the lab says the relay's files are. */
function relayPid(lab: Lab): number {
  return Number(/^\/proc\/(\d+)\/root/.exec(lab.relayPath('/'))?.[1]);
}

/** Processes of the relay, as the machine counts them: those in its process namespace. */
async function listProcesses(lab: Lab): Promise<{ pid: number; name: string }[]> {
  const inside = await readlink(`/proc/${relayPid(lab)}/ns/pid`);
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    numbers.map(async (pid) => {
      const namespace = await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
      if (namespace !== inside) return [];
      return [
        { pid: Number(pid), name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() },
      ];
    }),
  );
  return found.flat();
}

async function listServers(lab: Lab): Promise<number[]> {
  const servers = (await listProcesses(lab)).filter(({ name }) => /^(nginx|sshd|session)/.test(name));
  for (const wanted of ['nginx', 'sshd']) {
    if (!servers.some(({ name }) => name.startsWith(wanted))) throw new Error(`no ${wanted} on the relay`);
  }
  return servers.map(({ pid }) => pid);
}

async function readServerMemory(lab: Lab): Promise<Buffer[]> {
  const ranges = await Promise.all((await listServers(lab)).map(readMemory));
  return ranges.flat();
}

/** Every readable range of a process (proc(5): maps, mem). What cannot be read, such as [vvar], is left out. */
async function readMemory(pid: number): Promise<Buffer[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '');
  const memory = await open(`/proc/${pid}/mem`, 'r').catch(() => undefined);
  if (!memory) return [];
  try {
    const ranges: Buffer[] = [];
    for (const [, from = '', to = ''] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r/gm)) {
      const start = BigInt(`0x${from}`);
      if (start > BigInt(Number.MAX_SAFE_INTEGER)) continue;
      const bytes = Buffer.alloc(Number(BigInt(`0x${to}`) - start));
      const read = await memory.read(bytes, 0, bytes.length, Number(start)).catch(() => undefined);
      if (read) ranges.push(bytes.subarray(0, read.bytesRead));
    }
    return ranges;
  } finally {
    await memory.close();
  }
}

async function readWrittenFiles(lab: Lab): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const folder of WRITTEN) {
    const entries = await readdir(lab.relayPath(folder), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile() && !one.parentPath.includes(lab.folder))) {
      files.push(await readFile(join(entry.parentPath, entry.name)));
    }
  }
  return files;
}

async function waitForText(child: ChildHandle, text: string): Promise<void> {
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await waitFor(`a program that says "${text}"`, 10_000, () => said.includes(text));
}

async function waitUntilTraced(pids: readonly number[]): Promise<void> {
  await waitFor('strace has attached', 10_000, async () => {
    const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')));
    return states.every((state) => /^TracerPid:\s*[1-9]/m.test(state));
  });
}
