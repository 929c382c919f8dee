// Every reason in plain words, for support and content managers: what happened to this one message, and what to do next.
// The pages and docs/glossary.md say the same.
import type { Reason } from './reasons.ts';

export interface ReasonWords {
  /** A whole sentence. */
  meaning: string;
  /** Empty when nothing needs to be done. */
  whatToDo: string;
}

const words: Readonly<Record<Exclude<Reason, ''>, ReasonWords>> = {
  no_consent: {
    meaning: 'It is promotional, and the person refuses promotional messages.',
    whatToDo: '',
  },
  unsubscribed: {
    meaning: 'It is promotional, and the person has unsubscribed.',
    whatToDo: 'Only if the person asks for it: subscribe them again on their page.',
  },
  suppressed: {
    meaning: 'The address is on the suppression list, or the person was erased, so nothing is sent to it.',
    whatToDo:
      'Lift the suppression if the address works again. Of somebody who was erased, ask the sender to leave the id out.',
  },
  no_address: {
    meaning: 'The user service has no e-mail address or phone number for this person.',
    whatToDo: 'The person can add one in their profile.',
  },
  unknown_user: {
    meaning: 'The user service does not know this user id.',
    whatToDo: 'Ask the team that sent the request where the id comes from.',
  },
  expired: {
    meaning: 'Its time was over before it could be sent.',
    whatToDo: 'If this happens often, the request should be made earlier or expire later.',
  },
  cancelled: {
    meaning: 'The mailing or request was cancelled before this message was sent.',
    whatToDo: '',
  },
  template_error: {
    meaning: 'The template could not be filled in; the detail says where.',
    whatToDo: 'Mend the template, then send again.',
  },
  render_limit: {
    meaning: 'Filling in the template took too long, too much memory or gave too much text.',
    whatToDo: 'Make the template simpler, then send again.',
  },
  invalid_address: {
    meaning: 'What the user service has as the address is not one.',
    whatToDo: 'The address has to be mended in the user service.',
  },
  bad_user_data: {
    meaning: 'What the user service answered for this person cannot be used; the detail says why.',
    whatToDo: 'Tell the team of the user service.',
  },
  refused: {
    meaning: 'The mail server or SMS gateway refused it for good; its answer is in the detail.',
    whatToDo: 'Read the answer: it says whether the address, the content or the sender was refused.',
  },
  retries_exhausted: {
    meaning: 'The mail server or gateway kept saying “later” until there was no time left.',
    whatToDo: 'Read the last answer in the detail; look at the mail server if this happens often.',
  },
  too_large: {
    meaning: 'The message was too large to be carried.',
    whatToDo: 'Make the template or the context smaller.',
  },
  dead_lettered: {
    meaning: 'The record it was in could not be handled and was put aside.',
    whatToDo: 'An operator finds the cause in the dead letters and can send it on its way again.',
  },
  lost: {
    meaning: 'It went missing on the way, and three rounds of looking did not find it.',
    whatToDo: 'Report it: this is a fault of Posthorn.',
  },
  no_answer: {
    meaning: 'It was handed over, but the answer never came: it may or may not have arrived.',
    whatToDo: "Ask the mail server's log; resend it only if it did not arrive.",
  },
  greylisted: {
    meaning: 'The mail server said “later”; it is tried again by itself.',
    whatToDo: '',
  },
  busy: {
    meaning: 'The SMS gateway said “later”; it is tried again by itself.',
    whatToDo: '',
  },
  no_connection: {
    meaning: 'The connection broke before anything was handed over; it is tried again by itself.',
    whatToDo: '',
  },
};

/** @returns undefined for no reason, and for one of a newer release */
export function explainReason(reason: string): ReasonWords | undefined {
  return Object.hasOwn(words, reason) ? words[reason as keyof typeof words] : undefined;
}
