// Boost.JSON is compiled here, once; everywhere else it is declarations.
#include <boost/json/src.hpp>
