/** An element of a document that `parseXml` found well-formed. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  /** Its text, entities replaced, without that of its children. */
  text: string;
}

const TOKEN = /<!--(?:(?!--)[^])*-->|<\?[^?]*\?>|<!DOCTYPE[^>]*>|<\/?[A-Za-z][^<>]*>|[^<]+/gy;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * A strict reader of the XML that our own files use: one root, tags that match, no bare & or <.
 * @throws when the document is not well-formed
 */
export function parseXml(document: string): XmlElement {
  const top: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < document.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(document)?.[0];
    if (token === undefined) throw new Error(`not well-formed at ${at}: ${document.slice(at, at + 40)}`);
    take(token, open);
  }
  if (open.length !== 1 || top.children.length !== 1 || top.text.trim() !== '')
    throw new Error('no one root');
  return top.children[0] as XmlElement;
}

function take(token: string, open: XmlElement[]): void {
  const parent = open.at(-1) as XmlElement;
  if (/^<[!?]/.test(token)) return;
  if (!token.startsWith('<')) return void (parent.text += replaceEntities(token));
  const [, name = '', rest = ''] = /^<\/?([\w:-]+)([^]*?)\/?>$/.exec(token) ?? [];
  if (token.startsWith('</')) {
    if (open.pop()?.name !== name || open.length === 0) throw new Error(`${token} closes another element`);
    return;
  }
  const attributes = Object.fromEntries(
    [...rest.matchAll(/([\w:-]+)="([^"<]*)"/g)].map(([, key = '', value = '']) => [
      key,
      replaceEntities(value),
    ]),
  );
  const element: XmlElement = { name, attributes, children: [], text: '' };
  parent.children.push(element);
  if (!token.endsWith('/>')) open.push(element);
}

function replaceEntities(text: string): string {
  return text.replaceAll(/&(\w*)(;?)/g, (whole, name: string, end: string) => {
    const character = end === '' ? undefined : ENTITIES[name];
    if (character === undefined) throw new Error(`${whole} is no entity`);
    return character;
  });
}

/** The element below `root` along `path`. @throws when there is none */
export function elementAt(root: XmlElement, ...path: readonly string[]): XmlElement {
  return path.reduce((element, name) => {
    const found = element.children.find((child) => child.name === name);
    if (!found) throw new Error(`${element.name} has no ${name}`);
    return found;
  }, root);
}
