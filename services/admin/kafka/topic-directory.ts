// Topics by their names, for addresses and headers: only ours are ever read.
import { recordTopics, type StageName, stages, type Topic, type Topics } from '../../../lib/topics.ts';

export interface KnownTopic {
  name: string;
  /** What its records are; undefined for dead letters, which hold anything. */
  carries: Topic | undefined;
  /** Of dead letters: who put them aside. */
  stage: StageName | undefined;
}

export function findTopic(topics: Topics, name: string): KnownTopic | undefined {
  const carries = recordTopics(topics).find((topic) => topic.name === name);
  if (carries) return { name, carries, stage: undefined };
  const stage = stages.find((one) => topics.deadLetters[one].name === name);
  return stage && { name, carries: undefined, stage };
}
