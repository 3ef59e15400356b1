import { SERVICE_MARK, type ServiceInput, refuseUnsafe, textsOf } from './service-input.ts';
import { escapeXml } from './service-xml.ts';

/** The scheduler replaces `%NAME%` and `$(NAME)` and knows no way to write them as they are. */
const REPLACED = /%[^%]+%|\$\(/;

/**
 * The task for the Task Scheduler of Windows (Task Scheduler Schema, version 1.2).
 * It sees the account's variables; it cannot be given others, so `environment` is not used.
 * @throws SERVICE_VALUE_UNSAFE
 */
export function taskXml(input: ServiceInput): string {
  for (const [field, value] of textsOf(input)) refuseUnsafe('the Task Scheduler', field, value, REPLACED);
  const commandLine = [input.program, ...input.arguments].map(quoteWindowsArgument).join(' ');
  return [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    '  <RegistrationInfo>',
    '    <Author>Postern</Author>',
    `    <Description>${escapeXml(SERVICE_MARK)}</Description>`,
    '  </RegistrationInfo>',
    '  <Triggers>',
    '    <LogonTrigger>',
    // Every five minutes it is started where it does not run; without an end.
    '      <Repetition>',
    '        <Interval>PT5M</Interval>',
    '      </Repetition>',
    '      <Enabled>true</Enabled>',
    `      <UserId>${escapeXml(input.account)}</UserId>`,
    '    </LogonTrigger>',
    '  </Triggers>',
    '  <Principals>',
    '    <Principal id="Author">',
    `      <UserId>${escapeXml(input.account)}</UserId>`,
    '      <LogonType>InteractiveToken</LogonType>',
    '      <RunLevel>LeastPrivilege</RunLevel>',
    '    </Principal>',
    '  </Principals>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <StartWhenAvailable>true</StartWhenAvailable>',
    '    <RestartOnFailure>',
    '      <Interval>PT1M</Interval>',
    '      <Count>255</Count>',
    '    </RestartOnFailure>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    '    <Hidden>true</Hidden>',
    '    <Enabled>true</Enabled>',
    '  </Settings>',
    '  <Actions Context="Author">',
    '    <Exec>',
    `      <Command>${escapeXml(input.node)}</Command>`,
    `      <Arguments>${escapeXml(commandLine)}</Arguments>`,
    `      <WorkingDirectory>${escapeXml(input.root)}</WorkingDirectory>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
    '',
  ].join('\r\n');
}

/** The bytes of the file: `schtasks /Create /XML` takes UTF-16LE with a byte order mark. */
export function encodeTask(xml: string): Buffer {
  return Buffer.from(`\ufeff${xml}`, 'utf16le');
}

/** One argument for CommandLineToArgvW: backslashes count double before a quote, and nowhere else. */
export function quoteWindowsArgument(argument: string): string {
  return `"${argument.replaceAll(/(\\*)"/g, String.raw`$1$1\"`).replace(/\\+$/, '$&$&')}"`;
}
