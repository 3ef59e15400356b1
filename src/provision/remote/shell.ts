/** A script with a fixed text. What differs is handed over as arguments (`$1`, `$2` …), never written into it. */
export interface RemoteScript {
  /** For messages: what it does. */
  readonly name: string;
  /** POSIX sh. */
  readonly text: string;
}

/** How a script ended and what it said, bounded. Hostile until parsed. */
export interface ShellResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellRunOptions {
  /** Default 60 000. */
  readonly timeoutMs?: number;
}

/** Something that runs scripts as root, one after the other: the relay over ssh, or this machine. */
export interface Shell {
  /**
   * @param args data: any text without NUL
   * @throws PROVISION_SHELL_LOST when the other side is gone or does not keep to the protocol
   */
  run(script: RemoteScript, args?: readonly string[], options?: ShellRunOptions): Promise<ShellResult>;
  /** May be called any number of times. */
  close(): Promise<void>;
}
