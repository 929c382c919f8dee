// A running system with sinks for mail and SMS, for tests of faults: what the sinks took stays known whatever is stopped.
import { type MailSink, startMailSink } from './mail-sink.ts';
import { type SmsSink, startSmsSink } from './sms-sink.ts';
import { type System, startSystem } from './system.ts';
import { addTemplate } from './templates.ts';

export interface House {
  system: System;
  mail: MailSink;
  sms: SmsSink;
  stop(): Promise<void>;
}

export async function startHouse(): Promise<House> {
  const mail = await startMailSink();
  const sms = await startSmsSink();
  const env = { SMTP_URL: mail.smtpUrl, SMS_GATEWAY_URL: sms.smsGatewayUrl };
  const system = await startSystem({ name: 'outages', infrastructure: 'own', env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
  return {
    system,
    mail,
    sms,
    async stop() {
      await system.stop();
      await Promise.all([mail.stop(), sms.stop()]);
    },
  };
}
