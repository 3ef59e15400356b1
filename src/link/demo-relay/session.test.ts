import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type Session, SessionTable, startSession } from './session.ts';

function open(slot: number, sessions: SessionTable, clock = new FakeClock()) {
  const written: string[] = [];
  let hasEnded = false;
  const peer = { write: (line: string) => void written.push(line), end: () => void (hasEnded = true) };
  const session = startSession(slot, peer, sessions, clock);
  return { session, written, clock, hasEnded: () => hasEnded };
}

const send = (session: Session, text: string): void => session.receive(Buffer.from(text));

test('greets with its slot and the older session of that slot', () => {
  const sessions = new SessionTable();
  expect(open(1, sessions).written).toEqual(['postern 1 slot 1 older none\n']);
  expect(open(2, sessions).written).toEqual(['postern 1 slot 2 older none\n']);
  expect(open(1, sessions).written).toEqual(['postern 1 slot 1 older 1\n']);
});

test('echoes a heartbeat, also one that comes byte by byte', () => {
  const { session, written } = open(1, new SessionTable());
  for (const byte of 'h one-1.x\nh two\n') send(session, byte);
  expect(written.slice(1)).toEqual(['h one-1.x\n', 'h two\n']);
});

test('everything that is no heartbeat goes unanswered', () => {
  const { session, written } = open(1, new SessionTable());
  send(session, `h $(id)\nh \nh a b\nH x\nh ${'x'.repeat(33)}\nlink 1\n\0\nh x\r\n`);
  expect(written).toHaveLength(1);
});

test('take ends the older session of the slot, once, and no other', () => {
  const sessions = new SessionTable();
  const other = open(2, sessions);
  const older = open(1, sessions);
  const newer = open(1, sessions);
  send(newer.session, 'take\ntake\n');
  expect(newer.written.slice(1)).toEqual(['took\n', 'none\n']);
  expect(older.hasEnded()).toBe(true);
  expect(newer.hasEnded() || other.hasEnded()).toBe(false);
});

test('a session that is gone is nobody’s older one, and its late end does not forget the newcomer', () => {
  const sessions = new SessionTable();
  const first = open(1, sessions);
  const second = open(1, sessions);
  first.session.closed();
  expect(open(1, sessions).written[0]).toContain('older 2');
  second.session.closed();
  expect(open(1, sessions).written[0]).toContain('older 3');
});

test('ends itself after 15 s without a heartbeat, and not while they come', () => {
  const beating = open(1, new SessionTable());
  const silent = open(1, new SessionTable());
  for (let second = 0; second < 20; second++) {
    send(beating.session, 'h x\n');
    beating.clock.advance(1000);
  }
  expect(beating.hasEnded()).toBe(false);
  silent.clock.advance(14_999);
  expect(silent.hasEnded()).toBe(false);
  silent.clock.advance(1);
  expect(silent.hasEnded()).toBe(true);
});

test('an endless line ends the session instead of filling memory', () => {
  const { session, hasEnded } = open(1, new SessionTable());
  send(session, 'x'.repeat(300));
  expect(hasEnded()).toBe(true);
});
