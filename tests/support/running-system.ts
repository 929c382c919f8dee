// What tests ask of a running system's processes over HTTP.

/** Sets the user-mock's knobs; `{}` ends the trouble. */
export async function setKnobs(userMockUrl: string, knobs: Record<string, unknown>): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${userMockUrl}/knobs`, { method: 'PUT', headers, body: JSON.stringify(knobs) });
  if (!response.ok) throw new Error(`the user-mock answered ${response.status} ${await response.text()}`);
}

/** What `/readyz` says that the service waits for; undefined when it does not answer. */
export async function readWaitingFor(opsUrl: string): Promise<string[] | undefined> {
  try {
    const response = await fetch(`${opsUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return ((await response.json()) as { waiting_for: string[] }).waiting_for;
  } catch {
    return undefined;
  }
}
