// The admin service's settings, from the environment.
import { z } from 'zod';
import { senderVariables, toSender } from '../../content/sender.ts';
import {
  count,
  type Environment,
  linkVariables,
  list,
  port,
  readConfig,
  serviceVariables,
  toServiceSettings,
  url,
} from '../../lib/config.ts';
import { toTrustedProxies } from './client-address.ts';

export const adminVariables = z.object({
  ...serviceVariables,
  ADMIN_PORT: port.default(8000),
  OPS_PORT: port.default(9105),
  /** How people reach the pages, where a proxy stands before them: cookies and the check of origins go by it. */
  ADMIN_URL: url('http:', 'https:').optional(),
  /** Addresses and networks (CIDR) of proxies whose X-Forwarded-For is believed. */
  TRUSTED_PROXIES: list.default([]),
  /** Unsubscribe links in previews are those of the messages that are sent. */
  ...linkVariables,
  /** As the dispatcher has them: a message is shown with the header that it was sent with. */
  ...senderVariables,
  /** Where tests may go besides the own address of whoever sends one; the domain of the sender when not set. */
  TEST_ADDRESS_DOMAINS: list.optional(),
  /** How phone numbers begin that tests by SMS may go to; none when not set. */
  TEST_PHONE_PREFIXES: list.optional(),
  USER_SERVICE_URL: url('http:', 'https:'),
  USER_SERVICE_TOKEN: z.string().optional(),
  USER_SERVICE_TIMEOUT_MS: count(100, 60_000).default(5_000),
});

export type AdminConfig = ReturnType<typeof readAdminConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readAdminConfig(env: Environment) {
  const variables = readConfig(adminVariables, env);
  const sender = toSender(variables);
  return {
    ...toServiceSettings(variables),
    port: variables.ADMIN_PORT,
    opsPort: variables.OPS_PORT,
    adminUrl: variables.ADMIN_URL,
    trustedProxies: toTrustedProxies(variables.TRUSTED_PROXIES),
    publicUrl: variables.PUBLIC_URL,
    sender,
    testAddresses: {
      domains: (variables.TEST_ADDRESS_DOMAINS ?? [sender.mailDomain]).map((domain) => domain.toLowerCase()),
      phonePrefixes: variables.TEST_PHONE_PREFIXES ?? [],
    },
    secret: variables.POSTHORN_SECRET,
    userService: {
      url: variables.USER_SERVICE_URL,
      token: variables.USER_SERVICE_TOKEN,
      timeoutMs: variables.USER_SERVICE_TIMEOUT_MS,
    },
  };
}
