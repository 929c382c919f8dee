// Kafka does not do what we ask: why, in one sentence that names the setting to look at where there is one.
import { DependencyError, describeError } from '../errors.ts';
import { kafkaErrorType } from './client.ts';

const logInTypes = /^(SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE)$/;
const logInNames = /^KafkaJSSASLAuthenticationError$/;
/** Node's codes for certificates (`tls` and OpenSSL's X509_V_ERR_…). */
const certificateCodes =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE)/;

/** @param otherwise what the sentence begins with when nothing better is known, such as `Kafka does not answer` */
export function toKafkaDown(cause: unknown, otherwise: string): DependencyError {
  return new DependencyError('kafka', explain(cause, otherwise), { cause });
}

function explain(cause: unknown, otherwise: string): string {
  const errors = withCauses(cause);
  const has = (field: 'name' | 'code', form: RegExp) =>
    errors.some((error) => form.test(String((error as { name: string; code?: unknown })[field])));
  const types = errors.map(kafkaErrorType);
  const said = describeAll(cause);
  if (has('name', logInNames) || types.some((type) => logInTypes.test(type))) {
    return `Kafka refuses the log-in (KAFKA_SASL_…): ${said}`;
  }
  if (has('code', certificateCodes)) return `Kafka's certificate is not trusted (KAFKA_CA_FILE): ${said}`;
  if (types.some((type) => type.endsWith('_AUTHORIZATION_FAILED'))) return `Kafka's user lacks a right: ${said}`;
  if (has('name', /^KafkaJSCreateTopicError$/)) return `Kafka refuses: ${said}`;
  if (has('name', /^KafkaJSConnectionClosedError$/)) {
    return `${otherwise}: ${said}, as one does that wants TLS when it is asked without (KAFKA_SSL)`;
  }
  return `${otherwise}: ${said}`;
}

/** The error, its causes, and what it is made of where it is several (kafkajs's own class has `errors`, too). */
function withCauses(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  return [error, ...parts(error).flatMap(withCauses), ...withCauses(error.cause)];
}

function parts(error: Error): unknown[] {
  return 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
}

function describeAll(cause: unknown): string {
  const [first, ...more] = cause instanceof Error ? parts(cause) : [];
  const said = describeError(cause);
  if (first === undefined) return said;
  return `${said}: ${describeError(first)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
}
