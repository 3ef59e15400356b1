import { type SchemaNode, jsonSchemaOfConfig } from './explain.ts';

/** The configuration's JSON Schema, for editors that complete and check YAML. */
export function renderConfigSchema(): string {
  return `${JSON.stringify({ title: 'postern.yaml', ...jsonSchemaOfConfig() }, null, 2)}\n`;
}

/** `docs/config.md`: every key with its meaning, what it may be and what it is when left out; made from the schema. */
export function renderConfigDocument(): string {
  const schema = jsonSchemaOfConfig();
  return [INTRODUCTION, '## All keys', '', ...renderKeys(schema, ''), ''].join('\n');
}

const INTRODUCTION = `# The configuration: postern.yaml

It is found at \`--config FILE\`, else \`$POSTERN_HOME/postern.yaml\`, else \`~/.postern/postern.yaml\`; the current
folder is never searched. It has to be a regular file of at most 1 MiB that nobody but you (or root) may write. Every
mistake is named with file, line and column; a key that Postern does not know is a mistake. After a change,
\`postern up\` takes over from the running daemon without losing a request.

The smallest one, for \`postern apply\` and \`postern up\`; with \`acme:\` in the place of \`certificate:\` Postern gets the
certificate itself ([certificates.md](certificates.md)):

\`\`\`yaml
home: mac
relay:
  host: vps.example.com
  hostKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… # cat /etc/ssh/ssh_host_ed25519_key.pub on the relay
services:
  - name: chat.example.com
    to: http://127.0.0.1:18789
    kind: openclaw
    certificate: { cert: certs/chat.pem, key: certs/chat.key }
\`\`\`

**Secrets** (such as \`dns.token\`) are \`env:NAME\` (a variable), \`file:PATH\` (a file with mode 0600), \`exec:COMMAND\`
(a program and its arguments, split at blanks, run without a shell; what it prints), or the text itself, which only a
configuration with mode 0600 may hold. A secret that cannot be read stops what needs it.

**Paths** of files at home start at the folder of the configuration when they are relative; \`~/\` is your home folder.

**Not used yet:** \`private\`, and of \`gateway\` everything but \`gateway.token\`, which \`postern verify\` looks at. Of
\`dns\` only the proof by \`acme.challenge: dns-01\` makes use; A, AAAA and CAA records of the names are set by hand.

**alerts.exec** is run once when an incident starts and once when it is over, with \`POSTERN_ALERT_STATE\` (\`started\` or
\`over\`), \`POSTERN_ALERT_CODE\`, \`POSTERN_ALERT_TITLE\`, \`POSTERN_ALERT_SERVICE\`, \`POSTERN_ALERT_REMEDY\` and
\`POSTERN_ALERT_SINCE\` in its environment.
`;

function renderKeys(node: SchemaNode, parent: string): string[] {
  const required = new Set(node.required ?? []);
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = parent === '' ? name : `${parent}.${name}`;
    return [renderKey(key, child, required.has(name)), ...renderBelow(key, child)];
  });
}

function renderKey(key: string, node: SchemaNode, isRequired: boolean): string {
  const facts = [describeKind(node), isRequired ? '**has to be there**' : describeDefault(node)];
  const meaning = node.description ? `: ${node.description}` : '';
  return `- \`${key}\` (${facts.filter((fact) => fact !== '').join('; ')})${meaning}`;
}

function renderBelow(key: string, node: SchemaNode): string[] {
  if (node.type === 'array') return node.items?.properties ? renderKeys(node.items, `${key}[]`) : [];
  return renderKeys(node, key);
}

function describeKind(node: SchemaNode): string {
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(' or ');
  switch (node.type) {
    case 'integer':
    case 'number':
      return `${node.minimum} to ${node.maximum}`;
    case 'array':
      return `list of ${node.items?.properties ? 'entries' : describeKind(node.items ?? {})}`;
    case 'object':
      return 'keys below';
    case 'boolean':
      return '`true` or `false`';
    case 'string':
    case undefined:
    default:
      return 'text';
  }
}

function describeDefault({ default: value }: SchemaNode): string {
  if (value === undefined) return 'may be left out';
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return isEmpty ? '' : `left out: \`${String(value)}\``;
}
