"""`ichorctl dashboard`: what nodes do, live, on a terminal. Data goes one way: sources ask the nodes, the model makes
numbers of the answers, views draw the model. What a person does goes the other way as one value,
`sources.attention`."""
