// Registers the schemas for a test's own topics, all at once and in one request each. What `posthorn setup` does besides
// (asking first, setting the rule of compatibility) is tested where it belongs, and here would only keep the registry busy.
import { recordSchemas } from '../../lib/events.ts';
import { recordTopics, type Topics } from '../../lib/topics.ts';

export async function registerSubjects(registryUrl: string, topics: Topics): Promise<void> {
  await Promise.all(
    recordTopics(topics).map(async ({ subject, record }) => {
      const response = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify({ schema: recordSchemas[record] }),
      });
      if (!response.ok) throw new Error(`the registry answered ${response.status} ${await response.text()}`);
    }),
  );
}
