"""Singer tap for the programme of a conference in Sessionboard.

``tap`` holds the settings, ``streams`` declares what is read, ``client`` speaks to the API,
``paging`` makes sure that a list was read completely while organisers edit it, ``records`` evens
out the vendor's loose shapes and ``command`` turns failures into sentences.
"""
