#error "A folder core/ of the user's own gets in the way of the installed headers"
