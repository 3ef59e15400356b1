/** What the sample assistant knows of who asks: what the edge told the service, nothing more. */
export interface Visitor {
  /** X-Forwarded-For as the edge stamped it. */
  readonly address: string;
  /** X-Forwarded-Proto. */
  readonly protocol: string;
  /** X-Forwarded-Host. */
  readonly host: string;
}

interface Line {
  readonly pattern: RegExp;
  readonly answer: (visitor: Visitor) => string;
}

const SCRIPT: readonly Line[] = [
  {
    pattern: /relay|server|see|read|spy/i,
    answer: () =>
      'The relay sees the name you asked for, your address, and how many bytes pass and when. It cannot read a word ' +
      'of this: TLS ends here at home, and its key never left this machine. Its whole part is to pass sealed ' +
      'bytes into one of the ssh connections that home opened to it.',
  },
  {
    pattern: /who|my address|\bip\b|forwarded|where am i/i,
    answer: ({ address, protocol, host }) =>
      `The edge told me that you came from ${address}, over ${protocol}, to ${host}. In this demo everybody comes ` +
      'from this machine, which the edge calls unknown: an address that a relay claims is never believed to be local. ' +
      'Your cookie and your password it kept to itself; I have never seen them.',
  },
  {
    pattern: /how|work|way|path/i,
    answer: () =>
      'You asked for this page at the relay. The relay read the name in your TLS greeting and handed your bytes to ' +
      'an ssh connection. They came out at home, at the edge, where TLS ends, where you signed in, and where every ' +
      'request is decided on. Then the edge asked me, and here I am, one word at a time.',
  },
  {
    pattern: /long|stream|story|count/i,
    answer: () =>
      Array.from({ length: 40 }, (_, index) => `${index + 1},`).join(' ') +
      ' done. Each number was sent by itself; if they came one by one, nothing on the way held them back.',
  },
  {
    pattern: /\b(hi|hello|hey|good (morning|evening))\b|你好/i,
    answer: () =>
      'Hello! I am a scripted responder: a few sentences in a file, no model behind them. Ask me how this works, ' +
      'what the relay can see, or who I think you are.',
  },
];

/** The scripted answer to what a visitor wrote. */
export function answerTo(text: string, visitor: Visitor): string {
  const line = SCRIPT.find(({ pattern }) => pattern.test(text));
  if (line) return line.answer(visitor);
  return (
    'I am only a script, so I have no answer to that. Publish your own assistant in my place: stop the demo and ' +
    'start it again with --to http://127.0.0.1:PORT. Or ask me how this works.'
  );
}

/** An answer in the pieces in which it is sent; joined they are the answer. */
export function piecesOf(answer: string): readonly string[] {
  return answer.match(/\S+\s*/g) ?? [];
}
