# Warnings, hardening and sanitizers, the same for every target.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wvla -Wmissing-prototypes
  -Wformat=2 -Wundef -Werror -fno-common)
# gcc lets a variadic macro be called without its last argument, as C23 does; clang asks about it.
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-gnu-zero-variadic-macro-arguments)
endif()
add_compile_definitions(_GNU_SOURCE PENSTOCK_VERSION="${PROJECT_VERSION}")
if(PENSTOCK_FAILPOINTS)
  add_compile_definitions(PENSTOCK_FAILPOINTS)
endif()

# PENSTOCK_PLAIN_* are for the sandbox launcher, which is never built with a sanitizer (LeakSanitizer cannot trace
# a non-dumpable child).
set(PENSTOCK_SANITIZE_FLAGS "")
if(PENSTOCK_SANITIZE STREQUAL "address")
  set(PENSTOCK_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
elseif(PENSTOCK_SANITIZE STREQUAL "thread")
  set(PENSTOCK_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(PENSTOCK_SANITIZE STREQUAL "fuzzer")
  set(PENSTOCK_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
elseif(NOT PENSTOCK_SANITIZE STREQUAL "")
  message(FATAL_ERROR "PENSTOCK_SANITIZE is '${PENSTOCK_SANITIZE}'; it must be empty, 'address', 'thread' or 'fuzzer'")
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND PENSTOCK_SANITIZE STREQUAL "")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection -U_FORTIFY_SOURCE
    -D_FORTIFY_SOURCE=2 -fPIE)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
# BUG() stays in release builds; assert() is not used.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")

# The launcher has no counters either: its helpers would look for their files behind a root of their own, and say so in a step's
# output. Atomic, because the thread pool counts beside the loop.
if(PENSTOCK_COVERAGE)
  list(APPEND PENSTOCK_SANITIZE_FLAGS --coverage -O0 -fprofile-update=atomic)
endif()

# penstock_sanitize(TARGET...): every target but the sandbox launcher calls this.
function(penstock_sanitize)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE ${PENSTOCK_SANITIZE_FLAGS})
    target_link_options(${target} PUBLIC ${PENSTOCK_SANITIZE_FLAGS})
  endforeach()
endfunction()
