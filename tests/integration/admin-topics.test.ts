import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { openWindow, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { codecNames, pack, recordOfZeros, sendPacked } from '../support/packed-batches.ts';
import { addTemplate } from '../support/templates.ts';
import { openWriter, type Place, traceMessage, type Writer } from '../support/traced-message.ts';

let lab: AdminLab;
let writer: Writer;
let operator: Visitor;

beforeAll(async () => {
  lab = await startAdminLab();
  writer = await openWriter(lab);
  operator = await lab.logIn('operator');
  await addTemplate(lab.db, { templateId: 'welcome', text: 'x' });
  await addTemplate(lab.db, { templateId: 'login-code', text: 'x' });
  await lab.db.updateTable('templates').set({ confidential: true }).where('template_id', '=', 'login-code').execute();
});
afterAll(async () => {
  await writer?.stop();
  await lab?.stop();
});

const pathOf = ({ topic, partition, offset }: Place) => `/topics/${topic}/${partition}/${offset}`;
const words = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const offsetsIn = (html: string) =>
  [...html.matchAll(/\/topics\/[^"]+?\/(\d+)\/(\d+)"/g)].map((m) => `${m[1]}:${m[2]}`);
const letterHeaders = (changes: Record<string, string> = {}) => ({
  'dlt-original-topic': lab.topics.enriched.low.name,
  'dlt-original-partition': '1',
  'dlt-original-offset': '7',
  'dlt-error-code': 'not_avro',
  'dlt-error-message': 'the bytes cannot be decoded',
  'dlt-stage': 'renderer',
  'dlt-at': String(Date.now()),
  ...changes,
});

describe('a batch that unpacks to more than memory should hold', () => {
  it.each(codecNames)('is shown as one record that cannot be read, packed by %s, beside the others', async (codec) => {
    const topic = lab.topics.rendered.high.name;
    const packed = pack(codec, recordOfZeros(codec.startsWith('snappy') ? 18_000_000 : 200_000_000));
    await sendPacked(lab.kafka, topic, codec, [Buffer.from('x')], { packed });
    const { partition, offset } = await writer.raw(topic, 'other', Buffer.from('other'));
    const page = await operator.page(`/topics/${topic}`);
    expect(offsetsIn(page)).toContain(`${partition}:${offset}`);
    expect(words(page)).toMatch(/the batch with the offsets \d+ to \d+ cannot be read: it cannot be unpacked by/);
    const bomb = offsetsIn(page).find((place) => place.startsWith('0:') && place !== `${partition}:${offset}`) ?? '';
    const one = await operator.page(`/topics/${topic}/${bomb.replace(':', '/')}`);
    expect(words(one)).toContain('cannot be unpacked by');
  });
});

describe('the list of records', () => {
  it('goes through all partitions, newest first, older and newer again, and shows each record once', async () => {
    const topic = lab.topics.planned.medium.name;
    for (let n = 0; n < 120; n++) await writer.raw(topic, `key ${n}`, Buffer.from(`x${n}`));
    const seen: string[] = [];
    let page = await operator.page(`/topics/${topic}`);
    const first = offsetsIn(page);
    for (;;) {
      seen.push(...offsetsIn(page));
      const older = /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
      if (!older) break;
      page = await operator.page(older);
    }
    expect(seen.length).toBe(120);
    expect(new Set(seen).size).toBe(120);
    const newerThan = (html: string) =>
      operator.page(/rel="prev" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '/nowhere');
    const middle = await newerThan(page);
    expect(offsetsIn(middle)).toEqual(seen.slice(50, 100));
    const top = await newerThan(middle);
    expect(offsetsIn(top)).toEqual(first);
    expect(top).not.toContain('rel="prev"');
    expect(first).toEqual(seen.slice(0, 50));
    expect(words(await operator.page(`/topics/${topic}`))).toContain('120 records kept in 2 partitions');
  });

  it('begins at an offset of a partition, and at a time', async () => {
    const topic = lab.topics.planned.low.name;
    const places: Place[] = [];
    for (let n = 0; n < 5; n++) places.push(await writer.raw(topic, 'same', Buffer.from('x')));
    const [first] = places;
    const at = await operator.page(`/topics/${topic}?partition=${first?.partition}&offset=3`);
    expect(offsetsIn(at)).toEqual([`${first?.partition}:4`, `${first?.partition}:3`]);

    const [record] = await operatorRecord(places[2]);
    const ms = Date.parse(record ?? '');
    await eventually(() => Date.now() > ms + 1_100, 'the next second has come');
    const later = await writer.raw(topic, 'same', Buffer.from('x'));
    const time = new Date(ms + 1_000).toISOString().slice(0, 23);
    const from = await operator.page(`/topics/${topic}?time=${time}`);
    expect(offsetsIn(from)).toEqual([`${later.partition}:${later.offset}`]);
    const future = await operator.page(`/topics/${topic}?time=2099-01-01T00:00`);
    expect(words(future)).toContain('There is nothing from here on');
  });

  const operatorRecord = async (place: Place | undefined) => {
    const json = JSON.parse(await operator.page(`${place ? pathOf(place) : ''}?as=json`));
    return [json.time as string];
  };

  it('says beside the field what is wrong with a place', async () => {
    const { name } = lab.topics.outcomes;
    const wrong = async (query: string) => {
      const answer = await operator.get(`/topics/${name}?${query}`);
      return `${answer.status} ${words(await answer.text())}`;
    };
    expect(await wrong('offset=3')).toMatch(/^422 .*Choose the partition that the offset is of/);
    expect(await wrong('partition=9')).toMatch(/^422 .*This topic has partitions 0 to 1/);
    expect(await wrong('partition=0&offset=x')).toMatch(/^422 .*An offset is a whole number/);
    expect(await wrong('time=soon')).toMatch(/^422 .*This is no time/);
    expect((await operator.get('/topics/somebody-elses-topic')).status).toBe(404);
  });

  it('searches only in what is shown, and says so', async () => {
    const message = await traceMessage(lab, writer);
    const html = words(await operator.page(`/topics/${message.places.ended.topic}?q=${message.userId}`));
    expect(html).toMatch(/1 of the \d+ records? of this page hold “user-[0-9a-f]+”/);
    expect(html).toContain('Nothing else was searched');
  });

  it('shows neither addresses nor texts', async () => {
    const message = await traceMessage(lab, writer, { subject: 'a subject to find' });
    for (const place of Object.values(message.places)) {
      const html = await operator.page(`/topics/${place.topic}`);
      expect(html).not.toMatch(/@people\.example|a subject to find|secret-code|the text of the message/);
    }
  });

  it('is for operators', async () => {
    const sender = await lab.logIn('sender', 'support', 'editor', 'viewer');
    for (const path of [
      '/topics',
      '/topics/live',
      `/topics/${lab.topics.outcomes.name}`,
      `/topics/${lab.topics.outcomes.name}/0/0`,
    ]) {
      expect((await sender.get(path)).status, path).toBe(403);
    }
  });
});

describe('one record', () => {
  it('is decoded with its schema, with key, headers and links, and its opening is audited', async () => {
    const message = await traceMessage(lab, writer);
    const html = await operator.page(pathOf(message.places.rendered));
    const text = words(html);
    expect(text).toMatch(/Schema NotificationRendered, id \d+: \S+rendered.high-value version 1/);
    expect(text).toContain(`address ${message.userId}@people.example`);
    expect(html).toContain('&lt;p&gt;the &lt;b&gt;html&lt;/b&gt; of the message&lt;/p&gt;');
    expect(html).toContain(`href="/people/${message.userId}"`);
    expect(html).toContain(`href="/notifications/${message.notificationId}"`);
    const { topic, partition, offset } = message.places.rendered;
    const opened = await lab.db
      .selectFrom('audit')
      .selectAll()
      .where('subject', '=', `record ${topic}/${partition}/${offset}`)
      .execute();
    expect(opened).toMatchObject([
      {
        who: operator.name,
        action: 'record.opened',
        detail: { notification: message.notificationId, person: message.userId },
      },
    ]);
  });

  it('is copied and downloaded as JSON', async () => {
    const message = await traceMessage(lab, writer);
    const answer = await operator.get(`${pathOf(message.places.rendered)}?as=json`);
    expect(answer.headers.get('content-disposition')).toContain('attachment');
    expect(await answer.json()).toMatchObject({
      ...{ topic: message.places.rendered.topic, key: message.userId, record: 'NotificationRendered' },
      value: { notification_id: message.notificationId, text: 'the text of the message' },
    });
  });

  it('of a confidential template shows neither address, texts nor values, on the page and as JSON', async () => {
    const message = await traceMessage(lab, writer, { templateId: 'login-code', subject: 'your code is 4711' });
    for (const [step, place] of Object.entries(message.places)) {
      for (const as of ['', '?as=json']) {
        const html = await operator.page(pathOf(place) + as);
        expect(html, step).not.toMatch(/secret-code|@people\.example|4711|the text of|<b>html|b&gt;html|Lovelace/);
        if (step !== 'ended') expect(html, step).toContain('confidential');
        expect(html, step).toContain(message.requestId);
      }
    }
  });

  it('that does not decode is shown with the reason, and without its bytes and headers, for it may be confidential', async () => {
    const place = await writer.raw(lab.topics.requests.name, null, Buffer.from('<script>alert(1)</script>'));
    const html = await operator.page(pathOf(place));
    expect(html).toContain('This does not decode: the record does not begin with a zero byte and a schema id');
    expect(html).toContain('it counts as confidential');
    expect(html).not.toContain('alert');
    const json = await (await operator.get(`${pathOf(place)}?as=json`)).text();
    for (const text of [html, json]) {
      expect(text).not.toContain('3c 73 63');
      expect(text).not.toContain(Buffer.from('<script>alert(1)</script>').toString('base64'));
    }
    const unknown = await writer.raw(lab.topics.requests.name, 'k', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]));
    expect(words(await operator.page(pathOf(unknown)))).toContain(
      'no schema has the id 2147483647 (schema id 2147483647)',
    );
  });

  it('without a value, and with an empty one, is shown as what it is', async () => {
    const tombstone = await writer.raw(lab.topics.requests.name, 'k', null);
    expect(words(await operator.page(pathOf(tombstone)))).toContain('This record has no value (a tombstone)');
    const empty = await writer.raw(lab.topics.requests.name, 'k', Buffer.alloc(0));
    const text = words(await operator.page(pathOf(empty)));
    expect(text).toContain('the record has an empty value');
    expect(text).toContain('there are no bytes to show');
    const list = words(await operator.page(`/topics/${lab.topics.requests.name}`));
    expect(list).toContain('tombstone');
  });

  it('that is a dead letter shows its cause, and what it was decoded by the topic it was put aside from', async () => {
    const message = await traceMessage(lab, writer, { until: 'enriched' });
    const stored = JSON.parse(await operator.page(`${pathOf(message.places.enriched)}?as=json`));
    const value = lab.codec.encode(lab.topics.enriched.low, { ...stored.value, first_name: 'Grace' });
    const place = await writer.raw(
      lab.topics.deadLetters.renderer.name,
      message.userId,
      value,
      letterHeaders({ 'dlt-error-code': 'template_error', 'dlt-error-message': 'line 3: undefined variable' }),
    );
    const html = await operator.page(pathOf(place));
    const text = words(html);
    expect(text).toContain('template_error The template cannot be filled in with this data.');
    expect(text).toContain('line 3: undefined variable');
    expect(text).toContain('first_name Grace');
    expect(html).toContain(`href="/topics/${lab.topics.enriched.low.name}/1/7"`);
    const list = words(await operator.page(`/topics/${lab.topics.deadLetters.renderer.name}`));
    expect(list).toContain('template_error');
  });

  it('that is a dead letter of nobody knows where is shown as bytes', async () => {
    const { name } = lab.topics.deadLetters.planner;
    const broken = await writer.raw(name, 'k', Buffer.from('rubbish'), letterHeaders());
    expect(words(await operator.page(pathOf(broken)))).toContain(
      'This does not decode: the record does not begin with',
    );
    const lost = await writer.raw(name, 'k', Buffer.from('rubbish'));
    expect(words(await operator.page(pathOf(lost)))).toContain('names none of our topics');
    const foreign = await writer.raw(name, 'k', Buffer.from('x'), letterHeaders({ 'dlt-original-topic': 'foreign' }));
    expect(words(await operator.page(pathOf(foreign)))).toContain('foreign 1 / 7 , which is no topic of ours');
  });

  it('that is very large is cut where it is shown, and whole as JSON', async () => {
    const message = await traceMessage(lab, writer, { until: 'rendered' });
    const stored = JSON.parse(await operator.page(`${pathOf(message.places.rendered)}?as=json`));
    const text = `${'long '.repeat(100_000)}end`;
    const place = await writer.event(lab.topics.rendered.low, 'k', { ...stored.value, text });
    const html = await operator.page(pathOf(place));
    expect(html.length).toBeLessThan(40_000);
    expect(words(html)).toContain('cut: 500,003 characters in all');
    expect(words(html)).toContain('too large to be copied here');
    expect(JSON.parse(await operator.page(`${pathOf(place)}?as=json`)).value.text).toBe(text);
    expect(words(await operator.page(`/topics/${lab.topics.rendered.low.name}`))).toContain('large open it to see');
    const ids = Array.from({ length: 5_000 }, (_, n) => `user-${n}`);
    const request = JSON.parse(await operator.page(`${pathOf(message.places.requested)}?as=json`)).value;
    const many = await writer.event(lab.topics.requests, 'k', { ...request, user_ids: ids });
    expect(words(await operator.page(pathOf(many)))).toMatch(/array of 5,000 .* and 4,900 more/);
  });

  it('that is not there is told from one that is gone', async () => {
    const topic = lab.topics.enriched.medium.name;
    const empty = await operator.get(`/topics/${topic}/0/0`);
    expect([empty.status, words(await empty.text())]).toEqual([
      404,
      expect.stringContaining('nothing was written there yet. This partition is empty'),
    ]);
    let place: Place | undefined;
    for (let n = 0; n < 4; n++) place = await writer.raw(topic, 'k', Buffer.from('x'));
    const admin = lab.kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic); // kafkajs deletes only in topics it has met
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: place?.partition ?? 0, offset: '2' }] });
    await admin.disconnect();
    const gone = words(await (await operator.get(`/topics/${topic}/${place?.partition}/0`)).text());
    expect(gone).toContain('the topic no longer keeps this record. Its oldest one there is offset 2');
    const later = words(await (await operator.get(`/topics/${topic}/${place?.partition}/9`)).text());
    expect(later).toContain('nothing was written there yet. The newest record is offset 3');
    expect((await operator.get(`/topics/${topic}/7/0`)).status).toBe(404);
    const last = await operator.page(`/topics/${topic}/${place?.partition}/3`);
    expect(last).toContain(`rel="prev" href="/topics/${topic}/${place?.partition}/2"`);
    expect(last).not.toContain('rel="next"');
  });
});

describe('in the browser', () => {
  it('topics and records have no barriers in light and dark, fit a phone, and move without a reload', async () => {
    const message = await traceMessage(lab, writer);
    const letter = await writer.raw(lab.topics.deadLetters.renderer.name, 'ada', Buffer.from('x'), letterHeaders());
    const paths = ['/topics', `/topics/${message.places.ended.topic}`, pathOf(message.places.planned), pathOf(letter)];
    const browser = await startBrowser();
    try {
      for (const look of ['light', 'dark', 'phone'] as const) {
        const window = await openWindow(browser, lab.url, operator.cookie, look);
        const page = await window.newPage();
        for (const path of paths) {
          await page.goto(path);
          expect(await findBarriers(page), `${path} ${look}`).toEqual([]);
          expect(await sidewaysPixels(page), `${path} ${look}`).toBe(0);
        }
        await window.close();
      }
      const window = await openWindow(browser, lab.url, operator.cookie);
      const page = await window.newPage();
      await page.goto('/topics');
      const row = page.locator('tr', { hasText: lab.topics.requestsHigh.name }).last();
      const kept = async () => Number(await row.locator('td').first().textContent());
      const before = await kept();
      await traceMessage(lab, writer);
      await eventually(async () => (await kept()) === before + 1, 'the page shows the new record by itself');
      await window.close();
    } finally {
      await browser.close();
    }
  });
});
