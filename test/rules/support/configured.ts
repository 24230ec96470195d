// The list of disks of a House stands for the one in a configuration file.
import type { ConfiguredDisks } from '../../../src/volume/disk-add.js';
import type { House } from './house.js';

export function configured(house: House): ConfiguredDisks {
  return {
    add: (path) => {
      house.settings = { ...house.settings, disks: [...house.settings.disks, { path }] };
    },
    remove: (path) => {
      house.settings = { ...house.settings, disks: house.settings.disks.filter((one) => one.path !== path) };
    },
  };
}
