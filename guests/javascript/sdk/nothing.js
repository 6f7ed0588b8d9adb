// Stands for `component/state.js` where no component is made: under Node.js the harness lends the state.
