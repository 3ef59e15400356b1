import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { makeFolder, readBoundedFile, removeFile, writeFileAtomically } from '../../platform/files.ts';

const recordSchema = z.strictObject({
  path: z.string(),
  /** The file as it was found; it may hold the gateway's token, so the copy is 0600. */
  text: z.string(),
  mode: z.int(),
  /** Origins that we have added, also those of names that are published no more. */
  origins: z.array(z.string()),
  /** SHA-256 of the file as we left it; empty while it is being written. */
  after: z.string(),
});

/** What is remembered of a settings file that we have changed. That there is one is our mark. */
export type GatewayRecord = Readonly<z.output<typeof recordSchema>>;

/** Copies of settings files as they were found, one for each file. */
export class GatewaySettingsRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async find(path: string): Promise<GatewayRecord | undefined> {
    const found = await readBoundedFile(this.#fileOf(path), { maxBytes: 4 * 1024 * 1024 });
    if (!found.ok) return undefined;
    try {
      const record = recordSchema.parse(JSON.parse(found.file.bytes.toString('utf8')));
      return record.path === path ? record : undefined;
    } catch {
      return undefined;
    }
  }

  async keep(record: GatewayRecord): Promise<void> {
    await makeFolder(this.#folder);
    await writeFileAtomically(this.#fileOf(record.path), JSON.stringify(record), 0o600);
  }

  forget(path: string): Promise<void> {
    return removeFile(this.#fileOf(path));
  }

  #fileOf(path: string): string {
    return join(this.#folder, `gateway-settings.${hashOf(path).slice(0, 16)}.json`);
  }
}

/** SHA-256, hexadecimal. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
