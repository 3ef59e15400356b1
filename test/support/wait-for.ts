/**
 * Waits for a condition, looking every 20 ms. The condition's own errors end the wait.
 * @param what for the error: `the gateway is ready`
 * @param condition anything but a truthy value means "not yet"
 * @returns what the condition returned
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  condition: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
