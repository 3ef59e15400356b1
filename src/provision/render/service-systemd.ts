import {
  OPEN_FILES,
  RESTART_SECONDS,
  SERVICE_MARK,
  STOP_SECONDS,
  type ServiceInput,
  refuseUnsafe,
  textsOf,
} from './service-input.ts';

/**
 * The systemd user unit (systemd.unit(5), systemd.service(5)).
 * @throws SERVICE_VALUE_UNSAFE
 */
export function systemdUnit(input: ServiceInput): string {
  for (const [field, value] of textsOf(input)) refuseUnsafe('systemd', field, value);
  // systemd refuses such a program, however it is escaped (string_is_safe in its source).
  refuseUnsafe('systemd', 'path of Node', input.node, /["'\\]/);
  // This one line knows no quotes: a backslash at its end would take the next line in, a blank would be cut.
  refuseUnsafe('systemd', 'path of the folder', input.root, /[\\\s]$/);
  const command = [`:${input.node}`, input.program, ...input.arguments].map(quote).join(' ');
  const variables = Object.entries(input.environment).map(
    ([name, value]) => `Environment=${quote(`${name}=${value}`)}`,
  );
  return [
    `# ${SERVICE_MARK}`,
    '[Unit]',
    'Description=Postern: publishes services of this machine through a relay',
    'Documentation=man:ssh(1)',
    '# However often it ended: it is started again.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    '# The colon: a $ in a path is a $.',
    `ExecStart=${command}`,
    ...variables,
    `WorkingDirectory=${escapeSpecifiers(input.root)}`,
    'UMask=0077',
    'Restart=always',
    `RestartSec=${RESTART_SECONDS}`,
    '# Only the program is told to end: its ssh connections carry running requests to their end.',
    'KillMode=mixed',
    `TimeoutStopSec=${STOP_SECONDS}`,
    `LimitNOFILE=${OPEN_FILES}`,
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n');
}

/** One word of a command line or of `Environment=`: systemd.syntax(7), "Quoting". */
function quote(word: string): string {
  return `"${escapeSpecifiers(word).replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** A single % starts a specifier (systemd.unit(5), "Specifiers"). */
function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
