// The rows of every table, as the services see them; each room of tables has its file in tables/. The statements that made
// them are in migrations/.
import type { AccessTables } from './tables/access.ts';
import type { ConsentTables } from './tables/consent.ts';
import type { DeliveryTables } from './tables/deliveries.ts';
import type { HoldTables } from './tables/holds.ts';
import type { MailingTables } from './tables/mailings.ts';
import type { OperationTables } from './tables/operation.ts';
import type { RequestTables } from './tables/requests.ts';
import type { TemplateTables } from './tables/templates.ts';

export type { FeedbackTable } from './tables/consent.ts';
export type { DeliveriesTable, DeliveryState } from './tables/deliveries.ts';
export type { HoldsTable } from './tables/holds.ts';
export type { MailingsTable } from './tables/mailings.ts';
export type { PinnedColumns, RequestOrigin, RequestsTable } from './tables/requests.ts';
export type { OnNoAnswer } from './tables/templates.ts';

export interface Database
  extends TemplateTables,
    RequestTables,
    HoldTables,
    MailingTables,
    DeliveryTables,
    ConsentTables,
    AccessTables,
    OperationTables {}
