// What smartctl --json says of a device, as far as it tells of its end: its own verdict, and the counters that a good disk does not raise.
// Shapes: smartctl(8) of smartmontools 7, for ATA, SCSI and NVMe. What is not there is not known, and nothing is made of it.

export type SmartAnswer =
  | {
      readonly type: 'figures';
      /** Model and serial number; null where it tells none. */
      readonly device: string | null;
      /** Its own verdict, in words; null: it says that it is well, or nothing. */
      readonly failing: string | null;
      /** By their names. */
      readonly counters: Readonly<Record<string, number>>;
    }
  | { readonly type: 'asleep' }
  /** It cannot be asked. */
  | { readonly type: 'unsupported'; readonly reason: string };

/** Given to smartctl as the exit status for a device that sleeps and was let sleep. */
export const asleepStatus = 3;
/** Bits of its exit status: the command line, or the device could not be opened. */
const notAsked = 1 | 2;

/** Attributes of ATA whose raw value counts sectors that are lost, or about to be. */
const ataCounters: Readonly<Record<number, string>> = { 5: 'reallocated sectors', 187: 'uncorrectable errors', 197: 'pending sectors', 198: 'offline uncorrectable sectors' };

interface Report {
  readonly smartctl?: { readonly messages?: readonly { readonly string?: string }[] };
  readonly model_name?: string;
  readonly serial_number?: string;
  readonly smart_status?: { readonly passed?: boolean };
  readonly ata_smart_attributes?: { readonly table?: readonly AtaAttribute[] };
  readonly nvme_smart_health_information_log?: { readonly critical_warning?: number; readonly media_errors?: number; readonly available_spare?: number; readonly available_spare_threshold?: number };
  readonly scsi_grown_defect_list?: number;
}

interface AtaAttribute {
  readonly id?: number;
  readonly name?: string;
  readonly when_failed?: string;
  readonly flags?: { readonly prefailure?: boolean };
  readonly raw?: { readonly value?: number };
}

export function readSmart(code: number | null, stdout: string, stderr: string): SmartAnswer {
  if (code === asleepStatus) return { type: 'asleep' };
  const report = parsed(stdout);
  if (report === null || code === null || (code & notAsked) !== 0) {
    const said = report?.smartctl?.messages?.map((message) => message.string ?? '').join('; ') ?? '';
    return { type: 'unsupported', reason: said !== '' ? said : stderr.trim() !== '' ? stderr.trim() : `smartctl ended with ${code ?? 'a signal'}` };
  }
  const { model_name: model, serial_number: serial } = report;
  return { type: 'figures', device: serial === undefined ? null : `${model ?? ''} ${serial}`.trim(), failing: failingOf(report), counters: countersOf(report) };
}

/** null: no JSON object. */
function parsed(text: string): Report | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Report) : null; // every key may be missing
  } catch {
    return null;
  }
}

function failingOf({ smart_status: status, ata_smart_attributes: ata, nvme_smart_health_information_log: nvme }: Report): string | null {
  const below = (ata?.table ?? []).filter((attribute) => attribute.when_failed === 'now' && attribute.flags?.prefailure === true).map(({ name, id }) => name ?? String(id));
  if (below.length > 0) return `SMART: ${below.join(', ')} past the threshold at which it is expected to fail`;
  if (status?.passed === false) return 'SMART: the disk itself expects to fail';
  if (nvme === undefined) return null;
  const { critical_warning: warning = 0, available_spare: spare, available_spare_threshold: threshold } = nvme;
  if (warning !== 0) return `SMART: the device gives a critical warning (0x${warning.toString(16)})`;
  return spare !== undefined && threshold !== undefined && spare < threshold ? `SMART: only ${spare} % of its spare is left` : null;
}

function countersOf({ ata_smart_attributes: ata, nvme_smart_health_information_log: nvme, scsi_grown_defect_list: grown }: Report): Readonly<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const { id, raw } of ata?.table ?? []) {
    const name = ataCounters[id ?? 0];
    if (name !== undefined && raw?.value !== undefined) counters[name] = raw.value;
  }
  if (nvme?.media_errors !== undefined) counters['media errors'] = nvme.media_errors;
  if (grown !== undefined) counters['grown defects'] = grown;
  return counters;
}
