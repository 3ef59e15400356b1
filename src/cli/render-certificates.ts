import { printable } from '../core/printable.ts';
import type { CertificateStatus } from '../daemon/contract.ts';
import { formatSpan, formatTable } from './text-layout.ts';

/** A table of certificates, and below it what went wrong with which. */
export function renderCertificates(certificates: readonly CertificateStatus[], nowMs: number): string {
  const rows = certificates.map((certificate) => [
    certificate.name,
    certificate.source === 'acme' ? (certificate.directory ?? 'acme') : 'files',
    formatEnd(certificate.endsAtMs, nowMs),
    formatRenewal(certificate, nowMs),
  ]);
  return [
    formatTable(['NAME', 'FROM', 'ENDS', 'RENEWAL'], rows),
    ...certificates.flatMap((certificate) => describeTrouble(certificate, nowMs)),
  ].join('\n');
}

function formatEnd(endsAtMs: number | undefined, nowMs: number): string {
  if (endsAtMs === undefined) return 'none yet';
  if (endsAtMs <= nowMs) return `ended ${formatSpan(nowMs - endsAtMs)} ago`;
  return `${formatDay(endsAtMs)} (in ${formatSpan(endsAtMs - nowMs)})`;
}

function formatRenewal({ source, renewAtMs, suggested }: CertificateStatus, nowMs: number): string {
  if (source === 'files') return 'by whoever writes the files';
  if (renewAtMs === undefined || renewAtMs <= nowMs) return 'now';
  return `${formatDay(renewAtMs)}${suggested ? ', as the authority suggests' : ''}`;
}

function describeTrouble(
  { name, lastFailure, nextTryAtMs, failures, suggested }: CertificateStatus,
  nowMs: number,
): string[] {
  const lines: string[] = [];
  if (suggested?.explanation !== undefined) {
    lines.push(`${name}: the authority says why: ${printable(suggested.explanation)}`);
  }
  if (lastFailure) {
    const times = failures === 1 ? 'once' : `${failures} times`;
    const next = nextTryAtMs === undefined ? '' : ` Next attempt in ${formatSpan(nextTryAtMs - nowMs)}.`;
    lines.push(`${name}: failed ${times}, last ${formatSpan(nowMs - lastFailure.atMs)} ago.${next}`);
    lines.push(
      `  ${printable(lastFailure.title, 600)} [${lastFailure.code}]`,
      `  ${printable(lastFailure.remedy, 600)}`,
    );
  }
  return lines.length > 0 ? ['', ...lines] : [];
}

const formatDay = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
