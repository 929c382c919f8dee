// A running system with sinks for mail and SMS, for tests of faults: what the sinks took stays known whatever is stopped.
import { type MailSink, startMailSink } from './mail-sink.ts';
import { type SmsSink, startSmsSink } from './sms-sink.ts';
import { type System, startSystem } from './system.ts';
import { addTemplate } from './templates.ts';

export interface House {
  system: System;
  mail: MailSink;
  sms: SmsSink;
  /** Tests of one house take turns, while those of another house go on. */
  inTurn(work: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startHouse(infrastructure: 'own' | 'shared'): Promise<House> {
  const mail = await startMailSink();
  const sms = await startSmsSink();
  const env = { SMTP_URL: mail.smtpUrl, SMS_GATEWAY_URL: sms.smsGatewayUrl };
  const system = await startSystem({ name: `outages-${infrastructure}`, infrastructure, env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
  let turn: Promise<void> = Promise.resolve();
  return {
    system,
    mail,
    sms,
    inTurn(work) {
      turn = turn.catch(() => {}).then(work);
      return turn;
    },
    async stop() {
      await system.stop();
      await Promise.all([mail.stop(), sms.stop()]);
    },
  };
}
