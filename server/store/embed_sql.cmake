# cmake -DKIND=queries|migrations -DFOLDER=sql/... -DOUTPUT=DIR -P embed_sql.cmake
# Writes the SQL files of a folder as C: queries.h and queries.c, or migrations.c.

# TEXT as lines of C string literals, in OUT.
function(quote_c text out)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\t" "\\t" text "${text}")
  string(REPLACE "??" "?\\?" text "${text}")
  string(REPLACE "\n" "\\n\"\n\t\"" text "${text}")
  set(${out} "\t\"${text}\"" PARENT_SCOPE)
endfunction()

# Keeps the time stamp of a file that has not changed, so that nothing is compiled again.
function(write_if_changed path text)
  if(EXISTS ${path})
    file(READ ${path} old)
  endif()
  if(NOT "${old}" STREQUAL "${text}")
    file(WRITE ${path} "${text}")
  endif()
  file(TOUCH_NOCREATE ${path})
endfunction()

file(GLOB files ${FOLDER}/*.sql)
list(SORT files)
set(long_strings "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n")

if(KIND STREQUAL "queries")
  set(names "")
  set(rows "")
  foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
      message(FATAL_ERROR "${file}: name it like run_insert.sql")
    endif()
    file(READ ${file} text)
    set(flag "false")
    if(text MATCHES "(^|\n)-- planned each time\n")
      set(flag "true")
    endif()
    string(REGEX REPLACE "(^|\n)[ \t]*--[^\n]*" "\\1" text "${text}")
    string(STRIP "${text}" text)
    string(REGEX REPLACE ";$" "" text "${text}")
    quote_c("${text}" quoted)
    string(TOUPPER ${name} upper)
    string(APPEND names "\tQUERY_${upper},\n")
    string(APPEND rows "\t[QUERY_${upper}] = {\"${name}\",\n${quoted}, ${flag}},\n")
  endforeach()
  write_if_changed(${OUTPUT}/queries.h "/* Generated from sql/queries. */
#ifndef SERVER_STORE_QUERIES_H
#define SERVER_STORE_QUERIES_H

#include \"server/store/db_statement.h\"

enum query {
${names}	QUERY_COUNT
};

/* QUERY_COUNT of them and an empty one. */
extern const struct db_statement db_queries[QUERY_COUNT + 1];

#endif
")
  write_if_changed(${OUTPUT}/queries.c "/* Generated from sql/queries. */
#include \"server/store/queries.h\"

${long_strings}const struct db_statement db_queries[QUERY_COUNT + 1] = {
${rows}	[QUERY_COUNT] = {0},
};
")
elseif(KIND STREQUAL "migrations")
  set(rows "")
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+\\.sql$")
      message(FATAL_ERROR "${file}: name it like 0002_lanes.sql")
    endif()
    string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
    file(SHA256 ${file} hash)
    file(READ ${file} text)
    quote_c("${text}" quoted)
    string(APPEND rows "\t{${number}, \"${name}\", \"${hash}\",\n${quoted}},\n")
  endforeach()
  write_if_changed(${OUTPUT}/migrations.c "/* Generated from sql/migrations. */
#include \"server/store/migrate.h\"

${long_strings}const struct migration migrations[] = {
${rows}	{0},
};
")
endif()
