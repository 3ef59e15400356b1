import {
  OPEN_FILES,
  RESTART_SECONDS,
  SERVICE_MARK,
  STOP_SECONDS,
  type ServiceInput,
  refuseUnsafe,
  textsOf,
} from './service-input.ts';
import { escapeXml } from './service-xml.ts';

/** What a property list may hold, as far as it is needed here. */
type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

/**
 * The LaunchAgent (launchd.plist(5)).
 * @throws SERVICE_VALUE_UNSAFE
 */
export function launchdPlist(input: ServiceInput): string {
  for (const [field, value] of textsOf(input)) refuseUnsafe('launchd', field, value);
  const agent: Value = {
    Label: input.name,
    ProgramArguments: [input.node, input.program, ...input.arguments],
    WorkingDirectory: input.root,
    EnvironmentVariables: { ...input.environment },
    RunAtLoad: true,
    KeepAlive: true,
    ThrottleInterval: RESTART_SECONDS,
    ExitTimeOut: STOP_SECONDS,
    // Without it macOS slows down what has no window, and visitors with it.
    ProcessType: 'Interactive',
    Umask: 0o077,
    SoftResourceLimits: { NumberOfFiles: OPEN_FILES },
    StandardOutPath: input.logFile,
    StandardErrorPath: input.logFile,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    `<!-- ${SERVICE_MARK} -->`,
    '<plist version="1.0">',
    ...render(agent, ''),
    '</plist>',
    '',
  ].join('\n');
}

function render(value: Value, indent: string): string[] {
  if (typeof value === 'string') return [`${indent}<string>${escapeXml(value)}</string>`];
  if (typeof value === 'number') return [`${indent}<integer>${value}</integer>`];
  if (typeof value === 'boolean') return [`${indent}<${value}/>`];
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return [`${indent}<array>`, ...value.flatMap((one: Value) => render(one, inner)), `${indent}</array>`];
  }
  const entries = Object.entries(value as Readonly<Record<string, Value>>);
  return [
    `${indent}<dict>`,
    ...entries.flatMap(([key, one]) => [`${inner}<key>${escapeXml(key)}</key>`, ...render(one, inner)]),
    `${indent}</dict>`,
  ];
}
