import 'reflect-metadata';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { AccessLog } from './entities/access-log.js';
import {
  CampaignClick,
  CampaignDomain,
  CampaignLink,
  CampaignTally,
  CampaignVisit,
} from './entities/campaign-results.js';
import { CampaignPace } from './entities/campaign-pace.js';
import { AttributeMark } from './entities/attribute-mark.js';
import { CampaignPicture } from './entities/campaign-picture.js';
import { Picture } from './entities/picture.js';
import { CampaignAct } from './entities/campaign-act.js';
import { CampaignTemplate } from './entities/campaign-template.js';
import { Campaign } from './entities/campaign.js';
import { ConsentEvent } from './entities/consent-event.js';
import { Consent } from './entities/consent.js';
import { Delivery } from './entities/delivery.js';
import { DkimKey } from './entities/dkim-key.js';
import { ErasedLeaf, Erasure, RestrictedProof } from './entities/erasure.js';
import { EventAttachment } from './entities/event-attachment.js';
import { EventBody } from './entities/event-body.js';
import { Form } from './entities/form.js';
import { GatewayChunk, GatewayCredential, GatewayMail, GatewayRecipe, GatewayUse } from './entities/gateway.js';
import { Installation } from './entities/installation.js';
import { LinkHost } from './entities/link-host.js';
import { ListText } from './entities/list-text.js';
import { List } from './entities/list.js';
import { LogCheckpoint, LogKey, LogLeaf, LogNode, LogQueue, LogRound } from './entities/log.js';
import { LogAttestor, LogCosignature, LogStamp } from './entities/log-attestation.js';
import { MagicLink, MagicRequest } from './entities/magic.js';
import { Notice } from './entities/notice.js';
import { Offer } from './entities/offer.js';
import { Organisation } from './entities/organisation.js';
import { Outage } from './entities/outage.js';
import { Purpose } from './entities/purpose.js';
import { Sender } from './entities/sender.js';
import { Segment } from './entities/segment.js';
import { SendingDomain } from './entities/sending-domain.js';
import { ShownText } from './entities/shown-text.js';
import { SignUp } from './entities/sign-up.js';
import { Session, Staff } from './entities/staff.js';
import { Subscriber } from './entities/subscriber.js';
import { Suppression } from './entities/suppression.js';
import { WebhookToken } from './entities/webhook-token.js';
import { Wording } from './entities/wording.js';

/** Where a database is: a URL, or host and port of the embedded one's socket. */
export type DatabaseAddress = { url: string } | { host: string; port: number };

/** TypeORM's options for a database. Migrations are hand-written SQL and run by server/database/migrate.ts only. */
export function dataSourceOptions(address: DatabaseAddress, poolSize = 10): DataSourceOptions {
  const where = 'url' in address ? address : { ...address, username: 'postgres', database: 'postgres' };
  return {
    type: 'postgres',
    ...where,
    installExtensions: false,
    migrationsTableName: 'migration',
    poolSize,
    connectTimeoutMS: 5000,
    applicationName: 'zgoda',
    // A kept plan may have been made when a table was small: with a new connection come new plans. What is not in use goes back soon: where a server has few
    // connections for many processes, others wait for it.
    ...('url' in address ? { extra: { maxLifetimeSeconds: 120, idleTimeoutMillis: 3_000 } } : {}),
    entities: [
      AccessLog,
      AttributeMark,
      Campaign,
      CampaignPace,
      CampaignPicture,
      Picture,
      CampaignClick,
      CampaignDomain,
      CampaignLink,
      CampaignTally,
      CampaignVisit,
      CampaignAct,
      CampaignTemplate,
      Consent,
      ConsentEvent,
      Delivery,
      DkimKey,
      ErasedLeaf,
      Erasure,
      EventAttachment,
      EventBody,
      Form,
      GatewayChunk,
      GatewayCredential,
      GatewayMail,
      GatewayRecipe,
      GatewayUse,
      Installation,
      LinkHost,
      List,
      ListText,
      LogAttestor,
      LogCheckpoint,
      LogCosignature,
      LogKey,
      LogLeaf,
      LogNode,
      LogQueue,
      LogRound,
      LogStamp,
      MagicLink,
      MagicRequest,
      Notice,
      Offer,
      Organisation,
      Outage,
      Purpose,
      RestrictedProof,
      Sender,
      Segment,
      SendingDomain,
      Session,
      ShownText,
      SignUp,
      Staff,
      Subscriber,
      Suppression,
      WebhookToken,
      Wording,
    ],
  };
}

/** For TypeORM's own command line: `npx typeorm -d dist/ormconfig.js ...` with DATABASE_URL set. */
export default new DataSource(
  dataSourceOptions({ url: process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1/postgres' }),
);
