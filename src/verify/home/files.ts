import type { Exchange, Finding, LookInput } from '../contract.ts';
import { notApplicable } from '../exchange.ts';

const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;

export async function lookAtOwnFiles({ ownFiles, modeOf }: LookInput): Promise<Finding> {
  if (ownFiles.length === 0) return notApplicable('this system has no file modes');
  const exchanges: Exchange[] = [];
  const faults: string[] = [];
  for (const { path, what, mayBeRead } of ownFiles) {
    const found = await modeOf(path);
    const mode = found?.mode.toString(8).padStart(4, '0');
    exchanges.push({
      request: `mode of ${path} (${what})`,
      answer: mode === undefined ? 'it is not there' : `${mode}${found?.isOurs ? '' : ', not ours'}`,
      tookMs: 0,
    });
    if (!found) continue;
    if (!found.isOurs) faults.push(`${path} belongs to somebody else`);
    else if ((found.mode & OTHERS_WRITE) !== 0) faults.push(`others may write ${path} (${mode})`);
    else if (!mayBeRead && (found.mode & OTHERS_READ) !== 0) faults.push(`others may read ${path} (${mode})`);
  }
  return faults.length > 0
    ? { outcome: 'open', evidence: faults.slice(0, 4).join('; '), exchanges }
    : { outcome: 'shut', evidence: `${exchanges.length} files and folders are private`, exchanges };
}
