import { MARKER } from '../../core/relay-layout.ts';

/** What systemd runs when a change was not called off in time; both files are in /etc, so they survive a reboot. */
export function switchService(name: string): string {
  return `# ${MARKER}
[Unit]
Description=Postern takes back a change that was not proved in time (${name})

[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/postern-switch/${name}/undo
`;
}

/** @param windowSeconds from its start, and after a reboot from the boot */
export function switchTimer(name: string, windowSeconds: number): string {
  return `# ${MARKER}
[Unit]
Description=Postern waits for the proof that the way in still works (${name})

[Timer]
OnActiveSec=${Math.trunc(windowSeconds)}s
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
}
