# Every library comes from Debian's packages; scripts/install-packages installs them.
find_package(PkgConfig REQUIRED)
foreach(pair UV:libuv PQ:libpq JANSSON:jansson YAML:yaml-0.1 GIT2:libgit2 CURL:libcurl CHECK:check MHD:libmicrohttpd
    SODIUM:libsodium CRYPTO:libcrypto SECCOMP:libseccomp CAPNG:libcap-ng ZSTD:libzstd ARCHIVE:libarchive PCRE2:libpcre2-8
    EXPAT:expat)
  string(REPLACE ":" ";" parts ${pair})
  list(GET parts 0 name)
  list(GET parts 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()
