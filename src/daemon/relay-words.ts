/** What a relay that was broken into could do, by where TLS ends: said in `status`, in plans and in the docs alike. */
export const RELAY_SEES = {
  home:
    'The relay sees the name (SNI), addresses, times and sizes; it can block, delay and replay connections, claim any ' +
    'client address and answer on port 80. It cannot read, alter, sign in or approve a device.',
  relay: 'A compromised relay can read and alter live traffic.',
} as const;
