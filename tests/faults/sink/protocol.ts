// What the harness and the sink say to each other, a line of JSON each.
import type { Script } from './script.ts';
import type { TakenMail } from './smtp-server.ts';

export type SinkCommand =
  | { do: 'script'; script: Omit<Script, 'spared'> & { spared: string[] } }
  | { do: 'hold'; containing?: string }
  | { do: 'release' };

export type SinkEvent =
  | { happened: 'listening'; port: number; smsPort: number }
  | { happened: 'scripted' | 'holding' | 'released' }
  | { happened: 'held'; mail: TakenMail };
