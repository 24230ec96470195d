{
  'targets': [{
    'target_name': 'fuse_native',
    # The package's own source, corrected (corrections.sed).
    'sources': ['build/fuse-native.c'],
    'include_dirs': ['.', '/usr/include/fuse', '../../node_modules/napi-macros'],
    'cflags_c': ['-std=gnu11', '-O2', '-g', '-Wall', '-fvisibility=hidden'],
    'defines': ['_FILE_OFFSET_BITS=64', '_GNU_SOURCE'],
    # Of the system; never the copy that fuse-native's own dependency carries.
    'libraries': ['-lfuse', '-lpthread'],
  }],
}
