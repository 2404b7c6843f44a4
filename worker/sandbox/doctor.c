#include "worker/sandbox/doctor.h"
