// The rules that docker-compose.yml keeps beyond the Compose schema: pure, from the parsed file and the facts it must agree with.
import { type ComposeFile, type ComposeService, findVariables, interpolate } from './compose-file.ts';

export interface Facts {
  /** The versions that `npm start` runs, which the images must equal. */
  versions: { kafka: string; registry: string; postgres: string; node: string };
  /** The version in the Dockerfile's FROM. */
  dockerfileNode: string | undefined;
  /** Kafka's settings as the launcher writes them, by their property names. */
  brokerSettings: Readonly<Record<string, string>>;
  /** Names that .env.example explains. */
  documentedVariables: ReadonlySet<string>;
  /** What is wrong with the environment that one of our own processes would get, or undefined when it is not ours. */
  findSettingsFaults(command: readonly string[], env: Readonly<Record<string, string>>): string[] | undefined;
}

type Rule = (file: ComposeFile, facts: Facts) => string[];

/** One sentence for each fault. */
export function findFaults(file: ComposeFile, facts: Facts): string[] {
  return rules.flatMap((rule) => rule(file, facts));
}

/** Services whose published port may be reached from other machines. */
const openToOthers = new Set(['ingest']);
/** One of each answers on its port; they are no stages. */
const servesPeople = new Set(['ingest', 'admin']);
/** Node addresses, paths and listeners differ in a container; everything else is as in dev/kafka.ts. */
const ofTheContainer = /^(listeners|advertised\.|controller\.quorum|inter\.broker|listener\.security|log\.dirs)/;

const rules: Rule[] = [
  function imagesArePinned(file) {
    return perService(file, ({ image, build }) => {
      if (build !== undefined || (image && /:v?\d+\.\d+(\.\d+)?[\w.-]*(@sha256:\w+)?$/.test(image))) return [];
      return [`runs ${image ?? 'no image'}: name a version with two numbers or more, such as postgres:18.4`];
    });
  },

  function versionsAreTheEmbeddedOnes(file, { versions, dockerfileNode }) {
    const wanted: [string, string][] = [
      ['apache/kafka', versions.kafka],
      ['apicurio/apicurio-registry', versions.registry],
      ['postgres', versions.postgres],
    ];
    const images = Object.values(file.services).map(({ image = '' }) => image);
    const faults = wanted.flatMap(([name, version]) => {
      const used = images.filter((image) => image.startsWith(`${name}:`));
      if (used.length === 0) return [`No service runs ${name}:${version}, as npm start does.`];
      return used
        .filter((image) => image !== `${name}:${version}`)
        .map((image) => `The image ${image} should be ${name}:${version}, the version that npm start runs.`);
    });
    if (dockerfileNode === versions.node) return faults;
    return [
      ...faults,
      `The Dockerfile starts from Node ${dockerfileNode ?? 'of no version'}; package.json brings ${versions.node}.`,
    ];
  },

  function brokerIsSetAsTheEmbeddedOne(file, { brokerSettings }) {
    const kafka = Object.values(file.services).find(({ image }) => image?.startsWith('apache/kafka:'));
    return Object.entries(brokerSettings).flatMap(([property, value]) => {
      if (!kafka || ofTheContainer.test(property)) return [];
      const name = `KAFKA_${property.toUpperCase().replaceAll('.', '_')}`;
      const given = kafka.environment?.[name];
      return String(given) === value ? [] : [`${name} of kafka is ${given ?? 'not set'}; dev/kafka.ts says ${value}.`];
    });
  },

  function portsStayOnThisMachine(file) {
    return perService(interpolate(file, {}), ({ ports = [] }, name) =>
      ports.flatMap((port) => {
        const host = typeof port === 'object' ? port.host_ip : String(port).match(/^(.+):[^:]+:[^:]+$/)?.[1];
        if (host === '127.0.0.1' || openToOthers.has(name)) return [];
        return [`publishes ${JSON.stringify(port)} to other machines: put 127.0.0.1: before it`];
      }),
    );
  },

  function stagesCanBeScaled(file) {
    return perService(file, (service, name) => [
      ...(service.container_name ? ['has a container_name, so it cannot be scaled'] : []),
      ...(isStage(service) && !servesPeople.has(name) && service.ports
        ? ['is a stage and publishes a port, so it cannot be scaled']
        : []),
    ]);
  },

  function healthIsChecked(file) {
    return perService(file, (service, name) => {
      const isChecked = service.healthcheck !== undefined && service.healthcheck.disable !== true;
      return isChecked || isOneShot(file, name) ? [] : ['has no health check'];
    });
  },

  function dependenciesCanBeMet(file) {
    return perService(file, ({ depends_on: dependsOn = {} }) => {
      if (Array.isArray(dependsOn)) return ['depends on services without a condition'];
      return Object.entries(dependsOn).flatMap(([other, { condition }]) => {
        if (!file.services[other]) return [`depends on ${other}, which is not there`];
        if (condition === 'service_healthy' && isOneShot(file, other)) return [`waits for ${other} to be healthy`];
        if (condition === 'service_completed_successfully' && file.services[other].restart !== 'no') {
          return [`waits for the end of ${other}, which is restarted for ever`];
        }
        return condition === 'service_started' ? [`does not wait until ${other} is healthy`] : [];
      });
    });
  },

  function volumesAreDeclared(file) {
    return perService(file, ({ volumes = [] }) =>
      volumes.flatMap((volume) => {
        const source = typeof volume === 'string' ? volume.split(':')[0] : volume.source;
        if (!source || /^[./~]/.test(source) || (file.volumes && source in file.volumes)) return [];
        return [`uses the volume ${source}, which is not declared`];
      }),
    );
  },

  function privilegesAreDropped(file) {
    return perService(file, (service, name) => [
      ...(service.cap_drop?.includes('ALL') && !service.cap_add ? [] : ['does not drop all capabilities']),
      ...(service.security_opt?.includes('no-new-privileges:true') ? [] : ['may gain privileges']),
      ...(service.privileged ? ['is privileged'] : []),
      ...(service.mem_limit ? [] : ['has no memory limit']),
      ...(service.restart === (isOneShot(file, name) ? 'no' : 'unless-stopped')
        ? []
        : [`has the restart policy ${service.restart ?? 'of none'}`]),
      ...(/^(root|0)(:|$)/.test(service.user ?? '') ? ['runs as root'] : []),
      ...(service.build && !(service.user && service.read_only && service.init)
        ? ['needs user, read_only and init, as every process of ours']
        : []),
    ]);
  },

  function secretsAreNotWrittenDown(file) {
    const isSecret = /(PASSWORD|SECRET|TOKEN|API_KEY)$/;
    return perService(file, ({ environment = {} }) => [
      ...Object.entries(environment)
        .filter(([name, value]) => isSecret.test(name) && value && !/^\$\{\w+:[?-]/.test(String(value)))
        .map(([name]) => `has a fixed ${name}: take it from the environment`),
      ...Object.entries(environment)
        .filter(([, value]) => /:\/\/[^/@:]*:[^/@$]+@/.test(String(value).replaceAll(/\$\{[^}]*\}/g, '$')))
        .map(([name]) => `has a fixed password in ${name}`),
    ]);
  },

  function variablesAreDocumented(file, { documentedVariables }) {
    return findVariables(file)
      .filter(({ name }) => !documentedVariables.has(name))
      .map(({ name }) => `The file asks for ${name}, which .env.example does not explain.`);
  },

  function processesAcceptTheirSettings(file, { findSettingsFaults }) {
    return perService(interpolate(file, {}), ({ command, environment = {}, build }) => {
      if (build === undefined) return [];
      const words = Array.isArray(command) ? command : (command ?? '').split(' ');
      const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value ?? '')]));
      return findSettingsFaults(words, env) ?? [`runs ${words.join(' ') || 'no command'}, which is no process of ours`];
    });
  },
];

function perService(file: ComposeFile, find: (service: ComposeService, name: string) => string[]): string[] {
  return Object.entries(file.services).flatMap(([name, service]) =>
    find(service, name).map((fault) => `${name} ${fault}.`),
  );
}

function isStage({ command }: ComposeService): boolean {
  return (Array.isArray(command) ? command : [command ?? '']).some((word) => word.includes('services/'));
}

/** It ends by itself: somebody waits for its end, or people run it by its profile and it is not to come again. */
function isOneShot(file: ComposeFile, name: string): boolean {
  const service = file.services[name];
  if (service?.profiles && service.restart === 'no') return true;
  return Object.values(file.services).some(
    ({ depends_on: dependsOn = {} }) =>
      !Array.isArray(dependsOn) && dependsOn[name]?.condition === 'service_completed_successfully',
  );
}
