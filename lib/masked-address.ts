// An address as lists show it: enough to recognise one's own, too little to write to.

/** `jane.doe@example.com` → `j…@example.com`; `+15550104477` → `+1…77`. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@');
  if (at > 0) return `${[...address][0]}…${address.slice(at)}`;
  return address.length < 6 ? '…' : `${address.slice(0, 2)}…${address.slice(-2)}`;
}
