import { ACME_WEBROOT, MARKER } from '../../core/relay-layout.ts';
import { listenBoth, nginxIdOf, serverName } from './nginx-names.ts';
import type { RelayInput } from './relay-input.ts';

/**
 * Port 80: our names are sent to https, every other one gets no answer. Nothing claims `default_server`:
 * a site of the relay's owner that does so keeps it. No log: a request line may hold what was meant for home alone.
 */
export function redirectFile(input: RelayInput): string {
  const siteNames = input.sites.map((site) => site.name);
  return `# ${MARKER}: ${input.home}
server {
${listenBoth(80)}
    server_name ${nginxIdOf(input.home).replaceAll('_', '-')}.invalid;
    return 444;
}
${input.homeNames.map((name) => redirectServer(input, name, '')).join('')}${siteNames
    .map((name) => redirectServer(input, name, ACME_LOCATION))
    .join('')}`;
}

const ACME_LOCATION = `    location /.well-known/acme-challenge/ { root ${ACME_WEBROOT}; }\n`;

function redirectServer(input: RelayInput, name: string, extra: string): string {
  const port = input.httpsPort === 443 ? '' : `:${input.httpsPort}`;
  return `server {
${listenBoth(80)}
    server_name ${serverName(name)};
    server_tokens off;
    access_log off;
${extra}    location / { return 301 https://${name}${port}$request_uri; }
}
`;
}
