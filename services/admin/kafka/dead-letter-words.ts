// What the codes of dead letters mean, for people; the codes are those of PermanentError in all stages.

const words: Readonly<Record<string, string>> = {
  bug: 'A fault of this release; the message holds the stack. Redrive with the release that mends it.',
  empty: 'The record has an empty value: neither Avro nor a tombstone.',
  not_avro: 'The bytes are not what the schema says: the producer did not write Avro in the registry’s format.',
  bounds: 'The record is larger, longer or deeper than a record may be.',
  schema_unknown: 'The registry has no schema of the id that the record begins with.',
  schema_not_of_subject: 'The schema is registered, but not for this topic.',
  schema_unusable: 'The schema cannot be read as the record of this topic.',
  context_invalid: 'The context is not the text of one JSON object within its limits.',
  kind_unknown: 'The template is of a kind that this release does not know.',
  no_audience: 'The request names neither people nor categories.',
  record_invalid: 'A field of the record holds what it may not hold.',
  request_id_invalid: 'The request id is not a UUID.',
  template_unknown: 'There is no template of this name. Make it, then redrive.',
  test_differs: 'The test-send is not the one that was asked for in these pages.',
  test_invalid: 'The test-send is not one that these pages make.',
  test_unknown: 'The record calls itself a test-send, and nobody asked for it in these pages.',
  time_invalid: 'A time in the record is not a usable one.',
  too_many_users: 'The request names more people than a record may.',
  user_id_invalid: 'A person’s id has characters that ids do not have.',
  template_error: 'The template cannot be filled in with this data.',
  render_limit: 'Filling in the template took longer or became larger than it may.',
  invalid_address: 'The address is not one that mail can be sent to.',
  invalid_mail: 'What was rendered does not make a mail.',
  too_large: 'The result is larger than a record may be.',
};

/** @returns undefined for a code of another release */
export function explainCode(code: string): string | undefined {
  return Object.hasOwn(words, code) ? words[code] : undefined;
}
