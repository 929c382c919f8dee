// Generated from schemas/*.avsc by `npm run gen`; do not edit. The records that flow between the stages.

/** At most 500 people of one request, with all that the next stages need to know of its template. Written by the planner to notifications.planned.<priority>; read by the enricher. Key: the person's id for one person, else chunk_id. */
export interface ChunkPlanned {
  /** UUID computed from request_id and sequence: a chunk published again has the same id. */
  chunk_id: string;
  /** UUID of the request; one correlation id from the producer to the mail server. */
  request_id: string;
  /** Number of the chunk within its request, from 0. */
  sequence: number;
  /** Which lane carries it. */
  priority: 'high' | 'medium' | 'low';
  /** Promotional: only for people who agreed to promotional messages. */
  is_promo: boolean;
  /** The template's short name, such as monthly-statistics. */
  template_id: string;
  /** The version of the template that the request was planned with. */
  template_version: number;
  /** The template's kind: which data of the person it needs, such as common. */
  template_kind: string;
  /** The template's channel. */
  channel: 'email' | 'sms';
  /** The template's choice for a send whose answer never arrived: resend it once more, or park it as unknown. */
  on_no_answer: 'resend' | 'park';
  /** What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels. */
  context: string;
  /** When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger. */
  requested_at: number;
  /** When the chunk was stored, in milliseconds since 1970 UTC. */
  planned_at: number;
  /** From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit. */
  expires_at: null | number;
  /** 1 to 500 different people. The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : - */
  user_ids: string[];
  /** A test-send: it goes to this address with the person's data, whether or not the person consents. Null for everything else. */
  test_address: null | string;
}

/** One message to one person, with the data to fill in. Written by the enricher to notifications.enriched.<priority>; read by the renderer. Key: user_id. */
export interface NotificationEnriched {
  /** UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger. */
  notification_id: string;
  /** UUID of the request; one correlation id from the producer to the mail server. */
  request_id: string;
  /** UUID of the chunk that the person was planned in. */
  chunk_id: string;
  /** The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : - */
  user_id: string;
  /** Which lane carries it. */
  priority: 'high' | 'medium' | 'low';
  /** How it reaches the person. */
  channel: 'email' | 'sms';
  /** The template's short name, such as monthly-statistics. */
  template_id: string;
  /** The version of the template that the request was planned with. */
  template_version: number;
  /** Promotional: only for people who agreed to promotional messages. */
  is_promo: boolean;
  /** Resend or park a send whose answer never arrived. */
  on_no_answer: 'resend' | 'park';
  /** E-mail address or phone number (E.164) of the person. */
  address: string;
  /** The person's first name; wins over context and collected. */
  first_name: string;
  /** The person's last name; wins over context and collected. */
  last_name: string;
  /** What the template kind's collector gathered for this person, as the text of one JSON object; loses to context. */
  collected: string;
  /** What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels. */
  context: string;
  /** When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger. */
  requested_at: number;
  /** When the chunk was stored, in milliseconds since 1970 UTC. */
  planned_at: number;
  /** When the person's data was fetched, in milliseconds since 1970 UTC. */
  enriched_at: number;
  /** From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit. */
  expires_at: null | number;
  /** A test-send from the admin pages, to the address of the person who asked for it. Counted apart. */
  is_test: boolean;
}

/** How one message ended, at whichever stage. Written by the planner, enricher, renderer and dispatcher to notifications.outcomes; read by the dispatcher for its ledger, and by anyone. May come more than once: deduplicate by notification_id and state. Key: user_id. */
export interface NotificationOutcome {
  /** UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger. */
  notification_id: string;
  /** UUID of the request; one correlation id from the producer to the mail server. */
  request_id: string;
  /** UUID of the chunk that the person was planned in. */
  chunk_id: string;
  /** The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : - */
  user_id: string;
  /** Which lane carries it. */
  priority: 'high' | 'medium' | 'low';
  /** How it reaches the person. */
  channel: 'email' | 'sms';
  /** The template's short name, such as monthly-statistics. */
  template_id: string;
  /** The version of the template that the request was planned with. */
  template_version: number;
  /** sent: accepted by the mail server or SMS gateway. skipped: not sent on purpose. failed: could not be sent. unknown: handed over, but the answer never arrived. */
  state: 'sent' | 'failed' | 'skipped' | 'unknown';
  /** Why, from the closed list in docs/glossary.md, such as no_consent; empty when sent. */
  reason: string;
  /** More for people to read: the server's answer, or line and column of a template error. Never an address or a body. */
  detail: string;
  /** The service that ended it: planner, enricher, renderer or dispatcher. */
  stage: string;
  /** How many times sending was tried; 0 when it never came to that. */
  attempt: number;
  /** When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger. */
  requested_at: number;
  /** When the chunk was stored, in milliseconds since 1970 UTC, where known. */
  planned_at: null | number;
  /** When the person's data was fetched, in milliseconds since 1970 UTC, where it came to that. */
  enriched_at: null | number;
  /** When it ended, in milliseconds since 1970 UTC. */
  ended_at: number;
  /** A test-send from the admin pages, to the address of the person who asked for it. Counted apart. */
  is_test: boolean;
}

/** One message to one person, ready to send. Written by the renderer to notifications.rendered.<priority>; read by the dispatcher. Key: user_id. */
export interface NotificationRendered {
  /** UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger. */
  notification_id: string;
  /** UUID of the request; one correlation id from the producer to the mail server. */
  request_id: string;
  /** UUID of the chunk that the person was planned in. */
  chunk_id: string;
  /** The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : - */
  user_id: string;
  /** Which lane carries it. */
  priority: 'high' | 'medium' | 'low';
  /** How it reaches the person. */
  channel: 'email' | 'sms';
  /** The template's short name, such as monthly-statistics. */
  template_id: string;
  /** The version of the template that the request was planned with. */
  template_version: number;
  /** Promotional: only for people who agreed to promotional messages. */
  is_promo: boolean;
  /** Resend or park a send whose answer never arrived. */
  on_no_answer: 'resend' | 'park';
  /** E-mail address or phone number (E.164) of the person. */
  address: string;
  /** E-mail: display name of the sender when the template has its own. */
  from_name: null | string;
  /** E-mail: address for answers when the template has its own. */
  reply_to: null | string;
  /** E-mail: subject line without line breaks. SMS: empty. */
  subject: string;
  /** The text of the SMS, or the text part of the e-mail. */
  text: string;
  /** E-mail: the HTML part, null when the template has none. */
  html: null | string;
  /** When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger. */
  requested_at: number;
  /** When the chunk was stored, in milliseconds since 1970 UTC. */
  planned_at: number;
  /** When the person's data was fetched, in milliseconds since 1970 UTC. */
  enriched_at: number;
  /** When it was rendered, in milliseconds since 1970 UTC; the Date of the e-mail. */
  rendered_at: number;
  /** From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit. */
  expires_at: null | number;
  /** A test-send from the admin pages, to the address of the person who asked for it. Counted apart. */
  is_test: boolean;
  /** Promotional e-mail: the address of List-Unsubscribe (RFC 8058), the same as in the footer. Null for everything else. */
  unsubscribe_url: null | string;
}

/** Somebody asks for one message to some people. Written by ingest and by any producer to notifications.requests and notifications.requests.high; read by the planner. Key: the person's id for one person, else request_id. */
export interface NotificationRequested {
  /** UUID of the request; one correlation id from the producer to the mail server. Choose it once and repeat it on every retry: records with the same id are one request. */
  request_id: string;
  /** The template's short name, such as monthly-statistics. For templates imported from the old system also its old number. */
  template_id: string;
  /** Which lane carries the messages. On notifications.requests.high the request itself does not wait behind others either. */
  priority: 'high' | 'medium' | 'low';
  /** Promotional: only for people who agreed to promotional messages. */
  is_promo: boolean;
  /** People by id, at most 10,000. United with user_categories; each person gets one message. The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : - */
  user_ids: string[];
  /** People by category of the user service, at most 100. */
  user_categories: string[];
  /** What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels. */
  context: string;
  /** When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger. */
  requested_at: number;
  /** Not before this moment, in milliseconds since 1970 UTC. Null: at once. */
  scheduled_at: null | number;
  /** From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit. */
  expires_at: null | number;
  /** A test-send; null for every other request. Accepted only from the admin service: a record whose request id that service has not noted is dead-lettered. */
  test: null | { address: string; template_version: number };
}

/** Every record type by its Avro name. */
export interface Records {
  ChunkPlanned: ChunkPlanned;
  NotificationEnriched: NotificationEnriched;
  NotificationOutcome: NotificationOutcome;
  NotificationRendered: NotificationRendered;
  NotificationRequested: NotificationRequested;
}
export type RecordName = keyof Records;

/** The Avro schema of every record, as the text that is registered. */
export const recordSchemas: Readonly<Record<RecordName, string>> = {
  ChunkPlanned:
    "{\"type\":\"record\",\"name\":\"ChunkPlanned\",\"namespace\":\"posthorn\",\"doc\":\"At most 500 people of one request, with all that the next stages need to know of its template. Written by the planner to notifications.planned.<priority>; read by the enricher. Key: the person's id for one person, else chunk_id.\",\"fields\":[{\"name\":\"chunk_id\",\"type\":\"string\",\"doc\":\"UUID computed from request_id and sequence: a chunk published again has the same id.\"},{\"name\":\"request_id\",\"type\":\"string\",\"doc\":\"UUID of the request; one correlation id from the producer to the mail server.\"},{\"name\":\"sequence\",\"type\":\"int\",\"doc\":\"Number of the chunk within its request, from 0.\"},{\"name\":\"priority\",\"type\":{\"type\":\"enum\",\"name\":\"Priority\",\"doc\":\"Which lane carries it.\",\"symbols\":[\"high\",\"medium\",\"low\"],\"default\":\"medium\"},\"doc\":\"Which lane carries it.\",\"default\":\"medium\"},{\"name\":\"is_promo\",\"type\":\"boolean\",\"doc\":\"Promotional: only for people who agreed to promotional messages.\",\"default\":false},{\"name\":\"template_id\",\"type\":\"string\",\"doc\":\"The template's short name, such as monthly-statistics.\"},{\"name\":\"template_version\",\"type\":\"int\",\"doc\":\"The version of the template that the request was planned with.\"},{\"name\":\"template_kind\",\"type\":\"string\",\"doc\":\"The template's kind: which data of the person it needs, such as common.\"},{\"name\":\"channel\",\"type\":{\"type\":\"enum\",\"name\":\"Channel\",\"doc\":\"How it reaches the person.\",\"symbols\":[\"email\",\"sms\"],\"default\":\"email\"},\"doc\":\"The template's channel.\",\"default\":\"email\"},{\"name\":\"on_no_answer\",\"type\":{\"type\":\"enum\",\"name\":\"OnNoAnswer\",\"doc\":\"What to do with a send whose answer never arrived.\",\"symbols\":[\"resend\",\"park\"],\"default\":\"resend\"},\"doc\":\"The template's choice for a send whose answer never arrived: resend it once more, or park it as unknown.\",\"default\":\"resend\"},{\"name\":\"context\",\"type\":\"string\",\"doc\":\"What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels.\",\"default\":\"{ }\"},{\"name\":\"requested_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger.\"},{\"name\":\"planned_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the chunk was stored, in milliseconds since 1970 UTC.\"},{\"name\":\"expires_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit.\",\"default\":null},{\"name\":\"user_ids\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"1 to 500 different people. The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : -\"},{\"name\":\"test_address\",\"type\":[\"null\",\"string\"],\"doc\":\"A test-send: it goes to this address with the person's data, whether or not the person consents. Null for everything else.\",\"default\":null}]}",
  NotificationEnriched:
    "{\"type\":\"record\",\"name\":\"NotificationEnriched\",\"namespace\":\"posthorn\",\"doc\":\"One message to one person, with the data to fill in. Written by the enricher to notifications.enriched.<priority>; read by the renderer. Key: user_id.\",\"fields\":[{\"name\":\"notification_id\",\"type\":\"string\",\"doc\":\"UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger.\"},{\"name\":\"request_id\",\"type\":\"string\",\"doc\":\"UUID of the request; one correlation id from the producer to the mail server.\"},{\"name\":\"chunk_id\",\"type\":\"string\",\"doc\":\"UUID of the chunk that the person was planned in.\"},{\"name\":\"user_id\",\"type\":\"string\",\"doc\":\"The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : -\"},{\"name\":\"priority\",\"type\":{\"type\":\"enum\",\"name\":\"Priority\",\"doc\":\"Which lane carries it.\",\"symbols\":[\"high\",\"medium\",\"low\"],\"default\":\"medium\"},\"doc\":\"Which lane carries it.\",\"default\":\"medium\"},{\"name\":\"channel\",\"type\":{\"type\":\"enum\",\"name\":\"Channel\",\"doc\":\"How it reaches the person.\",\"symbols\":[\"email\",\"sms\"],\"default\":\"email\"},\"doc\":\"How it reaches the person.\",\"default\":\"email\"},{\"name\":\"template_id\",\"type\":\"string\",\"doc\":\"The template's short name, such as monthly-statistics.\"},{\"name\":\"template_version\",\"type\":\"int\",\"doc\":\"The version of the template that the request was planned with.\"},{\"name\":\"is_promo\",\"type\":\"boolean\",\"doc\":\"Promotional: only for people who agreed to promotional messages.\",\"default\":false},{\"name\":\"on_no_answer\",\"type\":{\"type\":\"enum\",\"name\":\"OnNoAnswer\",\"doc\":\"What to do with a send whose answer never arrived.\",\"symbols\":[\"resend\",\"park\"],\"default\":\"resend\"},\"doc\":\"Resend or park a send whose answer never arrived.\",\"default\":\"resend\"},{\"name\":\"address\",\"type\":\"string\",\"doc\":\"E-mail address or phone number (E.164) of the person.\"},{\"name\":\"first_name\",\"type\":\"string\",\"doc\":\"The person's first name; wins over context and collected.\"},{\"name\":\"last_name\",\"type\":\"string\",\"doc\":\"The person's last name; wins over context and collected.\"},{\"name\":\"collected\",\"type\":\"string\",\"doc\":\"What the template kind's collector gathered for this person, as the text of one JSON object; loses to context.\",\"default\":\"{ }\"},{\"name\":\"context\",\"type\":\"string\",\"doc\":\"What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels.\",\"default\":\"{ }\"},{\"name\":\"requested_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger.\"},{\"name\":\"planned_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the chunk was stored, in milliseconds since 1970 UTC.\"},{\"name\":\"enriched_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the person's data was fetched, in milliseconds since 1970 UTC.\"},{\"name\":\"expires_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit.\",\"default\":null},{\"name\":\"is_test\",\"type\":\"boolean\",\"doc\":\"A test-send from the admin pages, to the address of the person who asked for it. Counted apart.\",\"default\":false}]}",
  NotificationOutcome:
    "{\"type\":\"record\",\"name\":\"NotificationOutcome\",\"namespace\":\"posthorn\",\"doc\":\"How one message ended, at whichever stage. Written by the planner, enricher, renderer and dispatcher to notifications.outcomes; read by the dispatcher for its ledger, and by anyone. May come more than once: deduplicate by notification_id and state. Key: user_id.\",\"fields\":[{\"name\":\"notification_id\",\"type\":\"string\",\"doc\":\"UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger.\"},{\"name\":\"request_id\",\"type\":\"string\",\"doc\":\"UUID of the request; one correlation id from the producer to the mail server.\"},{\"name\":\"chunk_id\",\"type\":\"string\",\"doc\":\"UUID of the chunk that the person was planned in.\"},{\"name\":\"user_id\",\"type\":\"string\",\"doc\":\"The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : -\"},{\"name\":\"priority\",\"type\":{\"type\":\"enum\",\"name\":\"Priority\",\"doc\":\"Which lane carries it.\",\"symbols\":[\"high\",\"medium\",\"low\"],\"default\":\"medium\"},\"doc\":\"Which lane carries it.\",\"default\":\"medium\"},{\"name\":\"channel\",\"type\":{\"type\":\"enum\",\"name\":\"Channel\",\"doc\":\"How it reaches the person.\",\"symbols\":[\"email\",\"sms\"],\"default\":\"email\"},\"doc\":\"How it reaches the person.\",\"default\":\"email\"},{\"name\":\"template_id\",\"type\":\"string\",\"doc\":\"The template's short name, such as monthly-statistics.\"},{\"name\":\"template_version\",\"type\":\"int\",\"doc\":\"The version of the template that the request was planned with.\"},{\"name\":\"state\",\"type\":{\"type\":\"enum\",\"name\":\"EndState\",\"doc\":\"How it ended.\",\"symbols\":[\"sent\",\"failed\",\"skipped\",\"unknown\"],\"default\":\"unknown\"},\"doc\":\"sent: accepted by the mail server or SMS gateway. skipped: not sent on purpose. failed: could not be sent. unknown: handed over, but the answer never arrived.\"},{\"name\":\"reason\",\"type\":\"string\",\"doc\":\"Why, from the closed list in docs/glossary.md, such as no_consent; empty when sent.\",\"default\":\"\"},{\"name\":\"detail\",\"type\":\"string\",\"doc\":\"More for people to read: the server's answer, or line and column of a template error. Never an address or a body.\",\"default\":\"\"},{\"name\":\"stage\",\"type\":\"string\",\"doc\":\"The service that ended it: planner, enricher, renderer or dispatcher.\"},{\"name\":\"attempt\",\"type\":\"int\",\"doc\":\"How many times sending was tried; 0 when it never came to that.\",\"default\":0},{\"name\":\"requested_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger.\"},{\"name\":\"planned_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"When the chunk was stored, in milliseconds since 1970 UTC, where known.\",\"default\":null},{\"name\":\"enriched_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"When the person's data was fetched, in milliseconds since 1970 UTC, where it came to that.\",\"default\":null},{\"name\":\"ended_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it ended, in milliseconds since 1970 UTC.\"},{\"name\":\"is_test\",\"type\":\"boolean\",\"doc\":\"A test-send from the admin pages, to the address of the person who asked for it. Counted apart.\",\"default\":false}]}",
  NotificationRendered:
    "{\"type\":\"record\",\"name\":\"NotificationRendered\",\"namespace\":\"posthorn\",\"doc\":\"One message to one person, ready to send. Written by the renderer to notifications.rendered.<priority>; read by the dispatcher. Key: user_id.\",\"fields\":[{\"name\":\"notification_id\",\"type\":\"string\",\"doc\":\"UUID computed from request_id, user_id and channel: the same message always meets the same row of the ledger.\"},{\"name\":\"request_id\",\"type\":\"string\",\"doc\":\"UUID of the request; one correlation id from the producer to the mail server.\"},{\"name\":\"chunk_id\",\"type\":\"string\",\"doc\":\"UUID of the chunk that the person was planned in.\"},{\"name\":\"user_id\",\"type\":\"string\",\"doc\":\"The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : -\"},{\"name\":\"priority\",\"type\":{\"type\":\"enum\",\"name\":\"Priority\",\"doc\":\"Which lane carries it.\",\"symbols\":[\"high\",\"medium\",\"low\"],\"default\":\"medium\"},\"doc\":\"Which lane carries it.\",\"default\":\"medium\"},{\"name\":\"channel\",\"type\":{\"type\":\"enum\",\"name\":\"Channel\",\"doc\":\"How it reaches the person.\",\"symbols\":[\"email\",\"sms\"],\"default\":\"email\"},\"doc\":\"How it reaches the person.\",\"default\":\"email\"},{\"name\":\"template_id\",\"type\":\"string\",\"doc\":\"The template's short name, such as monthly-statistics.\"},{\"name\":\"template_version\",\"type\":\"int\",\"doc\":\"The version of the template that the request was planned with.\"},{\"name\":\"is_promo\",\"type\":\"boolean\",\"doc\":\"Promotional: only for people who agreed to promotional messages.\",\"default\":false},{\"name\":\"on_no_answer\",\"type\":{\"type\":\"enum\",\"name\":\"OnNoAnswer\",\"doc\":\"What to do with a send whose answer never arrived.\",\"symbols\":[\"resend\",\"park\"],\"default\":\"resend\"},\"doc\":\"Resend or park a send whose answer never arrived.\",\"default\":\"resend\"},{\"name\":\"address\",\"type\":\"string\",\"doc\":\"E-mail address or phone number (E.164) of the person.\"},{\"name\":\"from_name\",\"type\":[\"null\",\"string\"],\"doc\":\"E-mail: display name of the sender when the template has its own.\",\"default\":null},{\"name\":\"reply_to\",\"type\":[\"null\",\"string\"],\"doc\":\"E-mail: address for answers when the template has its own.\",\"default\":null},{\"name\":\"subject\",\"type\":\"string\",\"doc\":\"E-mail: subject line without line breaks. SMS: empty.\",\"default\":\"\"},{\"name\":\"text\",\"type\":\"string\",\"doc\":\"The text of the SMS, or the text part of the e-mail.\"},{\"name\":\"html\",\"type\":[\"null\",\"string\"],\"doc\":\"E-mail: the HTML part, null when the template has none.\",\"default\":null},{\"name\":\"requested_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger.\"},{\"name\":\"planned_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the chunk was stored, in milliseconds since 1970 UTC.\"},{\"name\":\"enriched_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the person's data was fetched, in milliseconds since 1970 UTC.\"},{\"name\":\"rendered_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it was rendered, in milliseconds since 1970 UTC; the Date of the e-mail.\"},{\"name\":\"expires_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit.\",\"default\":null},{\"name\":\"is_test\",\"type\":\"boolean\",\"doc\":\"A test-send from the admin pages, to the address of the person who asked for it. Counted apart.\",\"default\":false},{\"name\":\"unsubscribe_url\",\"type\":[\"null\",\"string\"],\"doc\":\"Promotional e-mail: the address of List-Unsubscribe (RFC 8058), the same as in the footer. Null for everything else.\",\"default\":null}]}",
  NotificationRequested:
    "{\"type\":\"record\",\"name\":\"NotificationRequested\",\"namespace\":\"posthorn\",\"doc\":\"Somebody asks for one message to some people. Written by ingest and by any producer to notifications.requests and notifications.requests.high; read by the planner. Key: the person's id for one person, else request_id.\",\"fields\":[{\"name\":\"request_id\",\"type\":\"string\",\"doc\":\"UUID of the request; one correlation id from the producer to the mail server. Choose it once and repeat it on every retry: records with the same id are one request.\"},{\"name\":\"template_id\",\"type\":\"string\",\"doc\":\"The template's short name, such as monthly-statistics. For templates imported from the old system also its old number.\"},{\"name\":\"priority\",\"type\":{\"type\":\"enum\",\"name\":\"Priority\",\"doc\":\"Which lane carries it.\",\"symbols\":[\"high\",\"medium\",\"low\"],\"default\":\"medium\"},\"doc\":\"Which lane carries the messages. On notifications.requests.high the request itself does not wait behind others either.\",\"default\":\"medium\"},{\"name\":\"is_promo\",\"type\":\"boolean\",\"doc\":\"Promotional: only for people who agreed to promotional messages.\",\"default\":false},{\"name\":\"user_ids\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"People by id, at most 10,000. United with user_categories; each person gets one message. The person's id at the user service: 1 to 64 of A-Z a-z 0-9 . _ : -\",\"default\":[]},{\"name\":\"user_categories\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"People by category of the user service, at most 100.\",\"default\":[]},{\"name\":\"context\",\"type\":\"string\",\"doc\":\"What the producer gave for the template, as the text of one JSON object: at most 64 kB, at most 16 levels.\",\"default\":\"{ }\"},{\"name\":\"requested_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the request was made, in milliseconds since 1970 UTC. Its month locates the delivery in the ledger.\"},{\"name\":\"scheduled_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"Not before this moment, in milliseconds since 1970 UTC. Null: at once.\",\"default\":null},{\"name\":\"expires_at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"From this moment on, in milliseconds since 1970 UTC, it is no longer sent but ends as skipped(expired). Null: 24 hours of retries, no other limit.\",\"default\":null},{\"name\":\"test\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"TestSend\",\"doc\":\"A test-send from the admin pages.\",\"fields\":[{\"name\":\"address\",\"type\":\"string\",\"doc\":\"Where it goes in place of the person's own address: the e-mail address or phone number of whoever tests.\"},{\"name\":\"template_version\",\"type\":\"int\",\"doc\":\"The version to test; it need not be the active one.\"}]}],\"doc\":\"A test-send; null for every other request. Accepted only from the admin service: a record whose request id that service has not noted is dead-lettered.\",\"default\":null}]}",
};
