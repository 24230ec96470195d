{
  'targets': [{
    'target_name': 'holdfast',
    'sources': ['<!@(ls core/*.c)', '<!@(ls glue/*.cc)'],
    'include_dirs': ['core'],
    'cflags': ['-O3', '-g', '-Wall', '-Wextra', '-Werror', '-Wno-cast-function-type', '-fvisibility=hidden'],
    'cflags_c': ['-std=gnu11'],
    'cflags_cc': ['-std=gnu++17', '-fno-exceptions'],
    # OpenSSL is the one that Node exports to its addons.
    'libraries': ['-lisal', '-lzstd', '-lpthread'],
    'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
  }],
}
