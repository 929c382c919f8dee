// A fault that a person can mend: its message is shown as it is, without a stack.
export class BootstrapError extends Error {}
