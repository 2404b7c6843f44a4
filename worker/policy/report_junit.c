/* JUnit's XML, as pytest, Maven, gtest, jest and the like write it: what stands in it as test cases is counted,
 * whatever it says of itself. A DOCTYPE is refused, so there are no entities to expand. */

#include "common/mem.h"
#include "worker/policy/report_kinds.h"

#include <expat.h>
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 100, TEXT_MAX = 2000 };

struct reading {
	XML_Parser parser;
	struct arena arena;
	struct test_report report;
	int depth;
	bool is_junit;     /* its root is a suite */
	bool is_in_case;   /* within a <testcase> */
	bool is_in_fault;  /* within its first <failure> or <error> */
	bool has_ended_as; /* this case failed or was skipped: it counts once */
	struct test_fault fault;
	struct buf text;
	const char *refusal;
};

static void stop(struct reading *reading, const char *why)
{
	reading->refusal = why;
	XML_StopParser(reading->parser, XML_FALSE);
}

static struct str attribute(const char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i]; i += 2)
		if (strcmp(attributes[i], name) == 0)
			return str_of(attributes[i + 1]);
	return (struct str){0};
}

static void begin_case(struct reading *reading, const char **attributes)
{
	struct str name = attribute(attributes, "name"), class = attribute(attributes, "classname");
	double seconds = 0;
	int64_t line = 0;
	reading->report.tests += reading->report.tests < INT32_MAX;
	reading->is_in_case = true;
	reading->has_ended_as = false;
	if (str_to_f64(attribute(attributes, "time"), &seconds) && isfinite(seconds) && seconds > 0 && seconds < 1e7)
		reading->report.duration_ms += (int64_t)(seconds * 1000);
	str_to_i64(attribute(attributes, "line"), &line);
	reading->fault = (struct test_fault){
		.name = arena_printf(
			&reading->arena, "%.*s%s%.*s", STR_ARG(class), class.n && name.n ? "." : "", STR_ARG(name)),
		.path = arena_str(&reading->arena, attribute(attributes, "file")),
		.line = line > 0 && line < INT32_MAX ? (int32_t)line : 0,
	};
}

static void begin_fault(struct reading *reading, const char *kind, const char **attributes)
{
	int32_t *count = strcmp(kind, "error") == 0 ? &reading->report.errors : &reading->report.failures;
	*count += *count < INT32_MAX;
	reading->has_ended_as = reading->is_in_fault = true;
	reading->fault.kind = str_of(kind);
	reading->fault.message = arena_str(&reading->arena, attribute(attributes, "message"));
	buf_clear(&reading->text);
	reading->text.is_full = false;
}

static void XMLCALL on_begin(void *arg, const char *name, const char **attributes)
{
	struct reading *reading = arg;
	if (reading->depth++ == 0)
		reading->is_junit = strcmp(name, "testsuites") == 0 || strcmp(name, "testsuite") == 0;
	if (!reading->is_junit)
		stop(reading, "its root is no <testsuites> or <testsuite>");
	else if (reading->depth > DEPTH_MAX)
		stop(reading, "its elements are too deep in one another");
	else if (strcmp(name, "testcase") == 0)
		begin_case(reading, attributes);
	else if (!reading->is_in_case || reading->has_ended_as)
		return;
	else if (strcmp(name, "failure") == 0)
		begin_fault(reading, "failure", attributes);
	else if (strcmp(name, "error") == 0)
		begin_fault(reading, "error", attributes);
	else if (strcmp(name, "skipped") == 0) {
		reading->report.skipped += reading->report.skipped < INT32_MAX;
		reading->has_ended_as = true;
	}
}

static void end_fault(struct reading *reading)
{
	struct arena *arena = &reading->arena;
	struct test_report *report = &reading->report;
	reading->is_in_fault = false;
	if (report->fault_count == TEST_FAULTS_MAX)
		return;
	struct test_fault fault = reading->fault;
	struct str message = fault.message.n ? fault.message : str_trim(buf_str(&reading->text));
	fault.name = policy_clean(fault.name, FINDING_PATH_MAX, arena);
	fault.message = policy_clean(message, FINDING_TEXT_MAX, arena);
	fault.path = policy_clean(fault.path, FINDING_PATH_MAX, arena);
	report->faults = arena_grow(arena, report->faults, sizeof *report->faults, report->fault_count);
	report->faults[report->fault_count++] = fault;
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct reading *reading = arg;
	reading->depth--;
	if (reading->is_in_fault && (strcmp(name, "failure") == 0 || strcmp(name, "error") == 0))
		end_fault(reading);
	if (strcmp(name, "testcase") == 0)
		reading->is_in_case = false;
}

static void XMLCALL on_text(void *arg, const char *text, int n)
{
	struct reading *reading = arg;
	size_t room = TEXT_MAX - reading->text.n;
	if (reading->is_in_fault)
		buf_add(&reading->text, text, (size_t)n < room ? (size_t)n : room);
}

static void XMLCALL on_doctype(
	void *arg, const char *name, const char *system_id, const char *public_id, int has_internal_subset)
{
	(void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
	stop(arg, "it has a DOCTYPE, which is refused");
}

bool report_junit(struct policy *policy, struct str path, struct str text, struct err *err)
{
	struct reading reading = {.parser = XML_ParserCreate(NULL), .text = BUF_INIT(TEXT_MAX)};
	BUG_ON(!reading.parser);
	XML_SetUserData(reading.parser, &reading);
	XML_SetElementHandler(reading.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(reading.parser, on_text);
	XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
	bool ok = XML_Parse(reading.parser, text.p, (int)text.n, XML_TRUE) == XML_STATUS_OK;
	if (!ok)
		err_set(err, ERR_INVALID, "%.*s:%lu: %s", STR_ARG(str_head(path, 200)),
			(unsigned long)XML_GetCurrentLineNumber(reading.parser),
			reading.refusal ? reading.refusal : XML_ErrorString(XML_GetErrorCode(reading.parser)));
	XML_ParserFree(reading.parser);
	reading.report.report = policy_clean(path, FINDING_PATH_MAX, &reading.arena);
	if (ok)
		policy_tell_tests(policy, &reading.report);
	buf_done(&reading.text);
	arena_done(&reading.arena);
	return ok;
}
