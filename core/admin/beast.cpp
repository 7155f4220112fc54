// Beast is compiled here, once; everywhere else it is declarations
// (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
